/* libhomestead's handles: one of its own, opened at the first call, for all threads; after fork() another one; errors of opening. */
#include <tests/machine/test.h>

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_xencall.h"
#include "toolstack/libhomestead/homestead.h"

#define THREADS 8
#define CALLS   2000

static long always_yes(unsigned int nr, u64 arg1, u64 arg2)
{
    (void)nr, (void)arg1, (void)arg2;
    return 0;
}

static void setup(void)
{
    fake_reset();
    fake_hypervisor = always_yes;
}
FIXTURE(setup, fake_reset)

static void *claim_and_release(void *arg)
{
    memory_claim_t set = XEN_NODE_CLAIM_INIT(1, 0);

    (void)arg;
    for (u32 i = 0; i < CALLS; i++)
        if (xc_domain_claim_memory(NULL, 1, 1, &set) || hs_claim_release(NULL, 1))
            return (void *)"a call failed";
    return NULL;
}

/* The first test that calls: the tests of a program run in the order in which they are written. */
TEST(opened_once_by_all_threads)
{
    pthread_t threads[THREADS];
    void *said;

    /* A failed opening is an error of that call, and the next one tries again. */
    fake_open_errno = EACCES;
    assert_int_equal(hs_claim_release(NULL, 1), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(hs_probe(NULL), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(fake_calls, 0);
    assert_int_equal(fake_handles(), 0);
    fake_open_errno = 0;
    fake_opens = 0;
    for (u32 i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, claim_and_release, NULL), 0);
    for (u32 i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &said);
        assert_null(said);
    }
    assert_int_equal(fake_opens, 1);
    assert_int_equal(fake_calls, 2 * THREADS * CALLS);
    assert_int_equal(fake_handles(), 1);
    assert_int_equal(fake_buffers(), 0);
}

/* The child closes what it inherited, which is all it may do with it, and opens its own when it calls. */
TEST(a_child_opens_its_own)
{
    int status = 0;

    assert_int_equal(hs_claim_release(NULL, 1), 0);
    fake_opens = fake_closes = 0;
    pid_t child = fork();
    if (!child) {
        int wrong = fake_closes != 1 || fake_opens != 0;
        wrong |= hs_claim_release(NULL, 1) || fake_opens != 1;
        wrong |= hs_claim_release(NULL, 1) || fake_opens != 1;
        _exit(wrong);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    /* Nothing has changed for the parent. */
    assert_int_equal(hs_claim_release(NULL, 1), 0);
    assert_true(!fake_opens && !fake_closes);
}

TEST(handles_of_the_caller)
{
    hs_handle *a = hs_open(), *b = hs_open();
    u32 own = fake_handles() - 2;

    assert_true(a && b && a != b);
    assert_int_equal(hs_claim_release(a, 1), 0);
    assert_int_equal(hs_close(a), 0);
    assert_int_equal(hs_claim_release(b, 1), 0);
    assert_int_equal(hs_close(b), 0);
    assert_int_equal(hs_close(NULL), 0);
    assert_int_equal(fake_handles(), own);
    fake_open_errno = ENOENT;
    assert_null(hs_open());
    assert_int_equal(errno, ENOENT);
}

/* Every errno that a call can have is in words, and none is the number only. */
TEST(errors_in_words)
{
    static const int known[] = {0,     ENOSYS, EOPNOTSUPP, EACCES, EPERM,   ENOENT, ESRCH,
                                E2BIG, EFAULT, EINVAL,     ENOMEM, ENOBUFS, EPROTO};

    for_each_row (i, known) {
        assert_true(strlen(hs_strerror(known[i])) > 7);
        for (u32 j = 0; j < i; j++)
            assert_true(known[i] == EOPNOTSUPP || strcmp(hs_strerror(known[i]), hs_strerror(known[j])) != 0);
    }
    assert_string_equal(hs_strerror(EIO), strerror(EIO));
}
