/*
 * How a host test is written: TEST(name) { ... } registers itself; test.c has main(). cmocka runs the tests, and its
 * assertions say here in words what failed: both expressions and their values.
 *
 *   TEST(a_claim_counts, .nodes = 2, .node_mib = 16) { ... }
 *
 * makes the machine of machine.h first and checks after the test that nothing is left. Without a configuration no machine
 * is made, and none is linked. FIXTURE(setup, teardown) holds for every test of its program file that has none of its own.
 */
#ifndef TESTS_MACHINE_TEST_H
#define TESTS_MACHINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <homestead/types.h>

/* What a test asks for. Members left out are 0. */
struct test_config {
    u32 nodes;    /* with memory, in a line; 0: 1 */
    u32 node_mib; /* memory of each, 0: 16; the first node's begins at frame MACHINE_BASE */
    u32 cpus;     /* taking turns over the nodes, 0: 1 */
    const struct machine_shape *shape; /* CPUs and nodes are its, machine.h; NULL: as above */
    u32 domains;                       /* domain 0, which makes hypercalls (guest.c), and 1, 2, ... */
    u32 vcpus;                         /* of each domain, offline but for domain 0's first; 0: 1 */
    void (*setup)(void),
        (*teardown)(void); /* instead of the file's FIXTURE(); the machine is there already */
};

struct test {
    const char *name, *file;
    void (*run)(void);
    struct test_config config;
    void (*make)(const struct test_config *config); /* the machine; NULL: none */
    void (*unmake)(void);
    struct test *next;
};

void test_register(struct test *test);
void test_fixture(const char *file, void (*setup)(void), void (*teardown)(void));
void machine_make(const struct test_config *config);
void machine_unmake(void);

#define TEST_WITH_FIELDS(test_name, ...) \
    static void test_name(void); \
    __attribute__((constructor)) static void test_name##_register(void) \
    { \
        static struct test test = { \
            .name = #test_name, .file = __BASE_FILE__, .run = test_name, __VA_ARGS__}; \
        test_register(&test); \
    } \
    static void test_name(void)

/* The machine's functions are named only where somebody asks for one, so that it is linked only there. */
#define TEST(test_name, ...) \
    TEST_WITH_FIELDS(test_name, \
                     __VA_OPT__(.config = {__VA_ARGS__}, .make = machine_make, .unmake = machine_unmake))

/* No machine, but functions of the test's own around it: functions or NULL. */
#define TEST_WITH(test_name, setup_fn, teardown_fn) \
    TEST_WITH_FIELDS(test_name, .config = {.setup = setup_fn, .teardown = teardown_fn})

/* Functions or NULL. */
#define FIXTURE(setup_fn, teardown_fn) \
    __attribute__((constructor)) static void fixture_register(void) \
    { \
        test_fixture(__BASE_FILE__, setup_fn, teardown_fn); \
    }

/* --- assertions --- */
/* Each row of a table, an array: a failed assertion says in which. */
extern s64 test_row;
#define for_each_row(i, table) for (u32 i = 0; (test_row = i < ARRAY_SIZE(table) ? (s64)i : -1) >= 0; i++)
/* Ends the test that runs: what was printed before says why. */
void test_fail(const char *file, int line) __attribute__((noreturn));
void test_equal(u64 a, u64 b, const char *a_text, const char *b_text, const char *file, int line);
void test_not_equal(u64 a, u64 b, const char *a_text, const char *b_text, const char *file, int line);
void test_in_range(u64 value, u64 low, u64 high, const char *text, const char *file, int line);
void test_string(const char *a, const char *b, const char *a_text, const char *file, int line);
void test_true(bool holds, const char *text, const char *wanted, const char *file, int line);

#undef assert_true
#undef assert_false
#undef assert_null
#undef assert_non_null
#undef assert_int_equal
#undef assert_int_not_equal
#undef assert_ptr_equal
#undef assert_ptr_not_equal
#undef assert_in_range
#undef assert_string_equal
#undef fail
#define assert_true(c)             test_true(c, #c, "true", __FILE__, __LINE__)
#define assert_false(c)            test_true(!(c), #c, "false", __FILE__, __LINE__)
#define assert_null(p)             test_true(!(p), #p, "NULL", __FILE__, __LINE__)
#define assert_non_null(p)         test_true(p, #p, "a pointer", __FILE__, __LINE__)
#define assert_int_equal(a, b)     test_equal((u64)(a), (u64)(b), #a, #b, __FILE__, __LINE__)
#define assert_int_not_equal(a, b) test_not_equal((u64)(a), (u64)(b), #a, #b, __FILE__, __LINE__)
#define assert_ptr_equal(a, b)     test_equal((u64)(a), (u64)(b), #a, #b, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b) test_not_equal((u64)(a), (u64)(b), #a, #b, __FILE__, __LINE__)
#define assert_in_range(value, low, high) \
    test_in_range((u64)(value), (u64)(low), (u64)(high), #value, __FILE__, __LINE__)
#define assert_string_equal(a, b) test_string(a, b, #a, __FILE__, __LINE__)
#define fail()                    test_fail(__FILE__, __LINE__)

#endif
