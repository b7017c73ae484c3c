/*
 * BUG_ON: an impossible host state in which continuing could corrupt or leak; always compiled in.
 * ASSERT: a programmer's slip; debug builds only, release code takes a safe path by itself.
 * assert_failed() is one of the known calls upward: the CPU layer (panic) or the host test has it.
 */
#ifndef LIB_ASSERT_H
#define LIB_ASSERT_H

void assert_failed(const char *what, const char *file, int line) __attribute__((noreturn));

#define BUG_ON(cond) \
    do { \
        if (__builtin_expect(!!(cond), 0)) \
            assert_failed(#cond, __FILE__, __LINE__); \
    } while (0)

#ifdef DEBUG
#define ASSERT(cond) BUG_ON(!(cond))
#else
#define ASSERT(cond) ((void)sizeof(!(cond)))
#endif

#endif
