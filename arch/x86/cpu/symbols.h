/* The table of function names that the second link adds, see tools/symbols.py. */
#ifndef CPU_SYMBOLS_H
#define CPU_SYMBOLS_H

#include <homestead/types.h>

struct symbol {
    u32 offset; /* from IMAGE_VIRT_BASE, ascending */
    u32 name;   /* offset into symbol_names */
};

/* Weak: the first link has none. */
extern const u32 symbol_count __attribute__((weak));
extern const struct symbol symbol_table[] __attribute__((weak));
extern const char symbol_names[] __attribute__((weak));

/* Name of the function that holds addr and the offset in it; NULL if unknown. */
const char *symbol_lookup(u64 addr, u64 *offset);

#endif
