/*
 * What the product says: printk()'s text, kept for said() and shown when a test fails; and assert_failed(), which reports
 * in words and ends the test or the program. Programs without cmocka use them too.
 */
#ifndef TESTS_MACHINE_REPORT_H
#define TESTS_MACHINE_REPORT_H

#include <homestead/types.h>
#include <lib/assert.h>
#include <lib/log.h>

/* Has the text been printed since the test began, or since forget_said()? */
bool said(const char *text);
void forget_said(void);
void log_byte(char byte);
const char *all_said(void);
extern u32 nr_warnings; /* of them, errors included; the rest is no trouble */

/* A test begins: nothing was said. */
void report_begin(void);
/* Prints what was said, for a failed test. */
void report_log(void);
/* Errors also go to stderr at once: for programs that run long and have no tests. */
extern bool report_errors;

/* Called before the program is aborted, and may not come back: what the test runner makes of it, or what there is to add. */
extern void (*on_assert_failed)(const char *what, const char *file, int line);

#endif
