/* One option of the command line, between options.c, which has the table, and the files that read values. */
#ifndef BOOT_OPTION_H
#define BOOT_OPTION_H

#include <boot/options.h>

#define OPTION_SHOWN 160u /* bytes of a clause that says what holds */

struct option {
    const char *name;
    const char *form; /* the values it takes, for people */
    /*
     * Reads value into *field. Returns 0; 1: taken, with a meaning that the clause of show() says better; -EINVAL:
     * cannot be used, and *field is as before, except that a list keeps what could be used of it.
     */
    int (*set)(const struct option *option, const char *value, void *field);
    /* Writes what holds, as a clause. */
    void (*show)(const struct option *option, const void *field, char buf[OPTION_SHOWN]);
    size_t field; /* offset in struct boot_options */
    u64 min, max; /* of a number */
    const char *words[2];
};

/* Copies the part of a list up to the next comma, and steps over it; *value becomes NULL after the last part. -EINVAL:
 * the part does not fit; the step is made. */
int option_next_part(const char **value, char *part, size_t size);
/* Xen's booleans: on, yes, true, 1, enable, "", and their opposites. -EINVAL: it is none. */
int option_read_switch(const char *value, bool *on);
/* Sets the bits of "3" or "3-5", up to option->max, which is 63 at most. -EINVAL: it is neither. */
int option_add_bits(const struct option *option, const char *value, u64 *mask);

/* options_dom0.c: dom0_mem= (u64 bytes), dom0_max_vcpus= (the whole struct boot_options), dom0_nodes= (u64 mask). */
int option_set_dom0_mem(const struct option *option, const char *value, void *field);
void option_show_dom0_mem(const struct option *option, const void *field, char buf[OPTION_SHOWN]);
int option_set_dom0_vcpus(const struct option *option, const char *value, void *field);
void option_show_dom0_vcpus(const struct option *option, const void *field, char buf[OPTION_SHOWN]);
int option_set_dom0_nodes(const struct option *option, const char *value, void *field);
void option_show_dom0_nodes(const struct option *option, const void *field, char buf[OPTION_SHOWN]);

/* options_serial.c: com1= and com2= (struct serial_options), console= (its bits). */
int option_set_com(const struct option *option, const char *value, void *field);
void option_show_com(const struct option *option, const void *field, char buf[OPTION_SHOWN]);
int option_set_console(const struct option *option, const char *value, void *field);
void option_show_console(const struct option *option, const void *field, char buf[OPTION_SHOWN]);

/* options_spec_ctrl.c: spec-ctrl= (struct spec_ctrl_choice). */
int option_set_spec_ctrl(const struct option *option, const char *value, void *field);
void option_show_spec_ctrl(const struct option *option, const void *field, char buf[OPTION_SHOWN]);

#endif
