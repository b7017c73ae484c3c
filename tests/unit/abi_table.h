/* One line of the table that abi_ours.c and abi_system.c each export. */
#ifndef TESTS_ABI_TABLE_H
#define TESTS_ABI_TABLE_H

struct abi_row {
    const char *what;
    unsigned long value;
};

extern const struct abi_row abi_ours[];
extern const unsigned int abi_ours_count;
extern const struct abi_row abi_system[];
extern const unsigned int abi_system_count;

/* Numbers are compared as 64-bit values; a signed -1 and ~0u are the same fact only if both have one width.
 */
#define S(type)        {"sizeof(" #type ")", sizeof(type)},
#define F(type, field) {"offsetof(" #type ", " #field ")", offsetof(type, field)},
#define C(expr)        {#expr, (unsigned long)(expr)},

#endif
