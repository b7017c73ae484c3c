/*
 * A hypervisor for tests of libhomestead that keeps every byte it was given, and answers what the test says. Numbers and offsets
 * are typed in the tests from docs/hypervisor-guide/mm/claims.md sections 3 and 7 and Xen's public headers, not taken from ours.
 */
#ifndef TESTS_TOOLSTACK_SCRIPTED_H
#define TESTS_TOOLSTACK_SCRIPTED_H

#include <tests/machine/test.h>

#include <errno.h>

#include "fake_xencall.h"
#include "toolstack/libhomestead/homestead.h"

#define SYSCTL 35u
#define DOMCTL 36u
#define MEMORY 12u

/* What the hypervisor was given at the last call, and what it answers. */
static struct {
    unsigned int nr;
    u64 arg1;
    u8 arg[144], array[8192];
    u64 handle;    /* of the array */
    u32 handle_at; /* offset of the handle in the structure, 0: there is none */
    u32 arg_bytes, array_bytes;
    long rc;
    u8 answer[144];   /* bytes that are not 0 are written over the structure */
    const void *fill; /* written to the array */
    u32 fill_bytes;
} hv;

static inline long answer(unsigned int nr, u64 arg1, u64 arg2)
{
    u8 *arg = fake_memory(nr == MEMORY ? arg2 : arg1, hv.arg_bytes);

    assert_non_null(arg);
    assert_null(fake_memory(nr == MEMORY ? arg2 : arg1, hv.arg_bytes + 1)); /* the buffer has that size */
    hv.nr = nr;
    hv.arg1 = arg1;
    memcpy(hv.arg, arg, hv.arg_bytes);
    hv.handle = 0;
    if (hv.handle_at)
        memcpy(&hv.handle, arg + hv.handle_at, 8);
    if (hv.handle) {
        void *array = fake_memory(hv.handle, hv.array_bytes);
        assert_non_null(array);
        assert_null(fake_memory(hv.handle, hv.array_bytes + 1));
        memcpy(hv.array, array, hv.array_bytes);
        if (hv.fill)
            memcpy(array, hv.fill, hv.fill_bytes);
        memset(arg + hv.handle_at, 0, 8);
    }
    for (u32 i = 0; i < hv.arg_bytes; i++)
        if (hv.answer[i])
            arg[i] = hv.answer[i];
    return hv.rc;
}

static void setup(void)
{
    fake_reset();
    memset(&hv, 0, sizeof(hv));
    fake_hypervisor = answer;
}

static void teardown(void)
{
    assert_int_equal(fake_buffers(), 0);
    fake_reset();
}
FIXTURE(setup, teardown)

static inline void expect(u32 arg_bytes, u32 handle_at, u32 array_bytes)
{
    hv.arg_bytes = arg_bytes;
    hv.handle_at = handle_at;
    hv.array_bytes = array_bytes;
}

static inline u64 number(const u8 *at, u32 bytes)
{
    u64 n = 0;

    memcpy(&n, at, bytes);
    return n;
}

static inline void put_number(u8 *at, u64 n, u32 bytes)
{
    memcpy(at, &n, bytes);
}

/* The structure is these fields and 0 everywhere else. A row: offset, bytes, value. */
static inline void check_arg(const u32 (*fields)[3], u32 nr)
{
    u8 left[144];

    memcpy(left, hv.arg, sizeof(left));
    for (u32 i = 0; i < nr; i++) {
        assert_int_equal(number(hv.arg + fields[i][0], fields[i][1]), fields[i][2]);
        memset(left + fields[i][0], 0, fields[i][1]);
    }
    if (hv.handle_at)
        memset(left + hv.handle_at, 0, 8);
    for (u32 i = 0; i < hv.arg_bytes; i++)
        assert_int_equal(left[i], 0);
}
#define CHECK_ARG(...) \
    do { \
        const u32 fields[][3] = {__VA_ARGS__}; \
        check_arg(fields, ARRAY_SIZE(fields)); \
    } while (0)

#endif
