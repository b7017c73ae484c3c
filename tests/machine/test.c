/* The list of tests, how one is run, and what a failed assertion says. Usage: NAME_test [PATTERN of test names]. */
#include <tests/machine/test.h>

#include <ctype.h>
#include <errno.h>
#include <tests/machine/report.h>

#define FIXTURES_MAX 64u

static struct test *first, **last = &first;
static u32 nr_tests;
static struct {
    const char *file;
    void (*setup)(void), (*teardown)(void);
} fixtures[FIXTURES_MAX];
static u32 nr_fixtures;

void test_register(struct test *test)
{
    *last = test;
    last = &test->next;
    nr_tests++;
}

void test_fixture(const char *file, void (*setup)(void), void (*teardown)(void))
{
    if (nr_fixtures == FIXTURES_MAX)
        abort();
    fixtures[nr_fixtures].file = file;
    fixtures[nr_fixtures].setup = setup;
    fixtures[nr_fixtures++].teardown = teardown;
}

static void use_fixture(struct test_config *config, const char *file)
{
    if (config->setup || config->teardown)
        return;
    for (u32 i = 0; i < nr_fixtures; i++)
        if (strcmp(fixtures[i].file, file) == 0) {
            config->setup = fixtures[i].setup;
            config->teardown = fixtures[i].teardown;
        }
}

/* A failed check leaves by longjmp(), so that what follows it here is not done: after that the machine is not looked at. */
static void run(void **state)
{
    const struct test *test = *state;
    struct test_config config = test->config;

    use_fixture(&config, test->file);
    report_begin();
    test_row = -1;
    if (test->make)
        test->make(&config);
    if (config.setup)
        config.setup();
    test->run();
    if (config.teardown)
        config.teardown();
    if (test->unmake)
        test->unmake();
}

/* A test may define an object of the product's or the machine's itself; the linker then drops the other one. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_odr_violation=0";
}

static void from_assert_failed(const char *what, const char *file, int line)
{
    mock_assert(0, what, file, line);
}

int main(int argc, char **argv)
{
    struct CMUnitTest *tests = calloc(nr_tests + 1, sizeof(*tests));
    u32 nr = 0;

    for (struct test *test = first; test; test = test->next)
        tests[nr++] = (struct CMUnitTest){.name = test->name, .test_func = run, .initial_state = test};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    on_assert_failed = from_assert_failed;
    int failed = _cmocka_run_group_tests(program_invocation_short_name, tests, nr, NULL, NULL);
    free(tests);
    return failed;
}

/* --- what failed, in words --- */

s64 test_row = -1;

void test_fail(const char *file, int line)
{
    if (test_row >= 0)
        print_error("in row %lld of the table, the first is 0\n", (long long)test_row);
    report_log();
    _fail(file, line);
    abort();
}

/* A number is not worth an "X is X". */
static bool is_number(const char *text)
{
    return isdigit((unsigned char)text[text[0] == '-']) && !strpbrk(text, " ()");
}

static void print_relation(u64 a, u64 b, const char *a_text, const char *b_text, const char *joint)
{
    print_error("%s is %lld (%#llx), %s ", a_text, (long long)a, (unsigned long long)a, joint);
    if (!is_number(b_text))
        print_error("%s, which is ", b_text);
    print_error("%lld (%#llx)\n", (long long)b, (unsigned long long)b);
}

void test_equal(u64 a, u64 b, const char *a_text, const char *b_text, const char *file, int line)
{
    if (a == b)
        return;
    if (is_number(b_text))
        print_relation(a, b, a_text, b_text, "not");
    else
        print_error("%s is %lld (%#llx), but %s is %lld (%#llx)\n", a_text, (long long)a,
                    (unsigned long long)a, b_text, (long long)b, (unsigned long long)b);
    test_fail(file, line);
}

void test_not_equal(u64 a, u64 b, const char *a_text, const char *b_text, const char *file, int line)
{
    if (a != b)
        return;
    print_relation(a, b, a_text, b_text, "and must not be");
    test_fail(file, line);
}

void test_in_range(u64 value, u64 low, u64 high, const char *text, const char *file, int line)
{
    if (value >= low && value <= high)
        return;
    print_error("%s is %lld (%#llx), not within %lld .. %lld\n", text, (long long)value,
                (unsigned long long)value, (long long)low, (long long)high);
    test_fail(file, line);
}

void test_string(const char *a, const char *b, const char *a_text, const char *file, int line)
{
    if (strcmp(a, b) == 0)
        return;
    print_error("%s is \"%s\", not \"%s\"\n", a_text, a, b);
    test_fail(file, line);
}

void test_true(bool holds, const char *text, const char *wanted, const char *file, int line)
{
    if (holds)
        return;
    print_error("%s is not %s\n", text, wanted);
    test_fail(file, line);
}
