/*
 * Messages on the console. The one sink is printk(), which the CPU layer (or a host test) supplies.
 * People read aligned lines, programs read `@name key=value ...` lines (docs/hypervisor-guide/output.md): log_fact().
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <homestead/types.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* One message, newline included in fmt, dropped if above the level chosen by loglvl=. */
void printk(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...) printk(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  printk(LOG_WARNING, __VA_ARGS__)
#define log_info(...)  printk(LOG_INFO, __VA_ARGS__)
#define log_debug(...) printk(LOG_DEBUG, __VA_ARGS__)
/* An `@name key=value` line: never filtered. */
#define log_fact(...)  printk(LOG_ERROR, __VA_ARGS__)

#endif
