/* The kernels of guests: decoded once, kept, given up for others, waited for. Memory here is a budget. */
#include <tests/machine/test.h>

#include <guest/dom0/decode.h>
#include <guest/dom0/kernels.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/work.h>
#include <homestead/errno.h>
#include <tests/unit/guest/payloads.h>

#define SIZE 100000u

static struct bytes_made files[20];
static struct kernel_image images[20];
static char why[KERNELS_WHY_MAX];
static u64 budget, own_needed;
static u32 decodings, naps, held;
static void (*in_nap)(void);
static void (*in_decoding)(void);

/* --- what kernels.c is linked with --- */

u64 kernel_memory_largest(void)
{
    return budget;
}

u64 kernel_memory_all(void)
{
    return MIB(64);
}

void *kernel_memory_alloc(u64 bytes)
{
    if (bytes > budget)
        return NULL;
    u64 *p = malloc(bytes + 16);
    *p = bytes;
    budget -= bytes;
    held++;
    return p + 2;
}

void kernel_memory_free(void *p)
{
    budget += ((u64 *)p)[-2];
    held--;
    free((u64 *)p - 2);
}

void work_nap(void)
{
    naps++;
    assert_non_null(in_nap);
    in_nap();
}

long hypercall(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    fail_msg("a lock that is held: hypercall %lu(%lu, %lu, %lu, %lu, %lu)", nr, a1, a2, a3, a4, a5);
    return 0;
}

/* As the file says that claims a text of 'a' to 'y': its first byte repeated. */
enum decoded payload_decode(const struct payload *p, u8 *out, u64 *own)
{
    decodings++;
    if (in_decoding)
        in_decoding();
    *own = own_needed;
    if (budget < own_needed)
        return DECODED_NO_MEMORY;
    memset(out, p->data[4], p->decoded);
    return p->data[4] < 'a' ? (enum decoded)(p->data[4] - '0') : DECODED;
}

/* --- */

/* File i has `size` bytes of `with` when decoded; '2' to '6': it ends with that enum decoded. */
static void make(u32 i, enum payload_kind kind, char with, u32 size)
{
    static const char *const magics[] = {[PAYLOAD_GZIP] = "\x1f\x8b  ",
                                         [PAYLOAD_LZ4] = "\x02\x21\x4c\x18",
                                         [PAYLOAD_ZSTD] = "\x28\xb5\x2f\xfd"};
    struct bytes_made payload = {0};

    append(&payload, magics[kind], 4);
    append(&payload, (char[8]){with}, 8);
    append_u32(&payload, size);
    files[i] = make_bzimage(payload);
    free(payload.data);
}

static int get(u32 i)
{
    why[0] = 0;
    return kernels_get(files[i].data, files[i].size, &images[i], why);
}

static void setup(void)
{
    budget = 5 * SIZE;
    own_needed = 0;
    decodings = naps = 0;
    in_nap = in_decoding = NULL;
    for (u32 i = 0; i < ARRAY_SIZE(files); i++)
        make(i, PAYLOAD_LZ4, (char)('a' + i), SIZE);
}

/* The cache is one for all tests: a kernel that wants all of the memory puts out the others, and is forgotten itself when it does
 * not get what its decoder needs. */
static void teardown(void)
{
    in_decoding = in_nap = NULL;
    for (u32 i = 0; i < ARRAY_SIZE(images); i++)
        kernels_put(&images[i]);
    own_needed = GIB(4);
    struct bytes_made kept = files[0];
    make(0, PAYLOAD_LZ4, 'a', SIZE);
    assert_int_equal(get(0), -ENOMEM);
    free(kept.data);
    assert_int_equal(held, 0);
    for (u32 i = 0; i < ARRAY_SIZE(files); i++) {
        free(files[i].data);
        files[i] = (struct bytes_made){0};
    }
}
FIXTURE(setup, teardown)

TEST(an_elf_file_is_its_own_image)
{
    memcpy(files[0].data, "\177ELF", 4);
    assert_int_equal(get(0), 0);
    assert_ptr_equal(images[0].data, files[0].data);
    assert_int_equal(images[0].size, files[0].size);
    kernels_put(&images[0]);
    assert_int_equal(decodings, 0);
}

TEST(a_kernel_of_several_guests_is_decoded_once)
{
    struct kernel_image other;

    assert_int_equal(get(3), 0);
    assert_int_equal(images[3].size, SIZE);
    assert_int_equal(images[3].data[0], 'd');
    assert_int_equal(images[3].data[SIZE - 1], 'd');
    assert_int_equal(kernels_get(files[3].data, files[3].size, &other, why), 0);
    assert_ptr_equal(other.data, images[3].data);
    kernels_put(&images[3]);
    assert_int_equal(other.data[SIZE - 1], 'd');
    kernels_put(&other);
    assert_null(other.data);
    assert_int_equal(get(3), 0); /* as for a reboot */
    assert_int_equal(decodings, 1);
}

TEST(the_kernel_that_was_unused_for_the_longest_time_gives_way)
{
    for (u32 i = 0; i < 5; i++)
        assert_int_equal(get(i), 0);
    for (u32 i = 4; i < 5; i--)
        kernels_put(&images[i]); /* 4 first, 0 last */
    assert_int_equal(get(4), 0);
    kernels_put(&images[4]);
    assert_int_equal(decodings, 5);
    assert_int_equal(get(5), 0); /* in the place of 3 */
    for (u32 i = 0; i < 5; i++)
        if (i != 3)
            assert_int_equal(get(i), 0);
    assert_int_equal(decodings, 6);
    kernels_put(&images[0]);
    assert_int_equal(get(3), 0);
    assert_int_equal(decodings, 7);
}

TEST(more_kernels_than_entries)
{
    budget = 100 * SIZE;
    for (u32 round = 0; round < 2; round++)
        for (u32 i = 0; i < ARRAY_SIZE(files); i++) {
            assert_int_equal(get(i), 0);
            assert_int_equal(images[i].data[1], 'a' + i);
            kernels_put(&images[i]);
        }
    assert_int_equal(held, 16);
}

static void put_the_first(void)
{
    if (naps == 3)
        kernels_put(&images[0]);
}

TEST(who_finds_no_memory_waits_for_one_in_use)
{
    for (u32 i = 0; i < 5; i++)
        assert_int_equal(get(i), 0);
    in_nap = put_the_first;
    assert_int_equal(get(5), 0);
    assert_int_equal(naps, 3);
    assert_int_equal(images[5].data[0], 'f');
}

TEST(who_finds_no_memory_for_the_decoder_waits_too)
{
    assert_int_equal(get(0), 0);
    own_needed = budget + 1 - SIZE;
    in_nap = put_the_first;
    assert_int_equal(get(1), 0);
    assert_int_equal(naps, 3);
    assert_int_equal(decodings,
                     6); /* of the first, then one after each nap, and one more without the first */
}

static void get_it_too(void)
{
    in_decoding = NULL;
    assert_int_equal(get(7), 0);
}

TEST(another_can_be_decoded_meanwhile)
{
    in_decoding = get_it_too;
    assert_int_equal(get(6), 0);
    assert_int_equal(naps, 0);
    assert_int_equal(decodings, 2);
    assert_int_equal(images[6].data[0], 'g');
    assert_int_equal(images[7].data[0], 'h');
}

TEST(too_little_memory_is_a_sentence)
{
    free(files[19].data);
    make(19, PAYLOAD_ZSTD, 'z', MIB(50));
    budget = MIB(20);
    assert_int_equal(get(19), -ENOMEM);
    assert_string_equal(
        why, "needs 50 MiB of domain 0's memory to be decoded, of which 20 MiB are free; give domain 0 "
             "dom0_mem=96M");
    own_needed = MIB(32);
    budget = MIB(60);
    assert_int_equal(get(19), -ENOMEM);
    assert_string_equal(
        why, "needs 82 MiB of domain 0's memory to be decoded, of which 60 MiB are free; give domain 0 "
             "dom0_mem=96M");
    assert_int_equal(held, 0);
    assert_int_equal(budget, MIB(60));
    own_needed = MIB(10);
    assert_int_equal(get(19), 0);
    kernels_put(&images[19]);
    budget = 5 * SIZE;
}

TEST(each_damage_is_a_sentence_and_its_memory_comes_back)
{
    static const struct {
        enum payload_kind kind;
        char with;
        const char *why;
    } cases[] = {
        {PAYLOAD_LZ4, '2', "has an LZ4 payload that is damaged"},
        {PAYLOAD_ZSTD, '3', "has a zstd payload that is cut short"},
        {PAYLOAD_LZ4, '4', "has an LZ4 payload that is larger when decoded than it claims"},
        {PAYLOAD_GZIP, '5', "has a gzip payload that is smaller when decoded than it claims"},
        {PAYLOAD_ZSTD, '6', "has a zstd payload with bytes after its end"},
    };

    for_each_row (i, cases) {
        free(files[0].data);
        make(0, cases[i].kind, cases[i].with, SIZE);
        for (u32 again = 0; again < 2; again++) {
            assert_int_equal(get(0), -ENOEXEC);
            assert_string_equal(why, cases[i].why);
            assert_int_equal(budget, 5 * SIZE);
        }
    }
    free(files[0].data);
    make(0, PAYLOAD_LZ4, 'a', SIZE);
    files[0].data[0x206] = 1;
    assert_int_equal(get(0), -ENOEXEC);
    assert_string_equal(why, "is a Linux image of a boot protocol before 2.08: it names no payload");
}
