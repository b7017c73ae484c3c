/* Payloads by the libraries' own encoders, whole and with each damage that one sentence names. */
#include <tests/machine/test.h>

#include <guest/dom0/decode.h>
#include <tests/unit/guest/payloads.h>

static u8 *text, *out;
static struct bytes_made made;

static void forget(void)
{
    free(text);
    free(out);
    free(made.data);
    text = out = made.data = NULL;
}
FIXTURE(NULL, forget)

/* made: a payload of size bytes. *p is how bzimage_find() gives it. */
static void make(enum payload_kind kind, size_t size, struct payload *p)
{
    forget();
    text = make_text(size, kind + 1);
    out = malloc(size);
    made = (struct bytes_made){0};
    made = make_payload(kind, text, size);
    *p = (struct payload){kind, made.data, made.size - (kind == PAYLOAD_GZIP ? 0 : 4), size};
}

/* Into memory of exactly the size that p claims, from memory of exactly its own. */
static enum decoded decode(const struct payload *p)
{
    u8 *to = malloc(p->decoded), *from = malloc(p->size + 1);
    struct payload exact = *p;
    u64 own = 0;

    memcpy(from, p->data, p->size);
    exact.data = from;
    enum decoded result = payload_decode(&exact, to, &own);
    if (result == DECODED)
        assert_memory_equal(to, text, p->decoded);
    free(to);
    free(from);
    return result;
}

TEST(all_kinds_of_all_sizes)
{
    static const size_t sizes[] = {1, 100, 65536, 1000003, MIB(8), MIB(8) + 1, MIB(17)};
    struct payload p;

    for (u32 kind = 0; kind < PAYLOAD_KINDS; kind++)
        for_each_row (i, sizes) {
            make(kind, sizes[i], &p);
            assert_int_equal(decode(&p), DECODED);
        }
}

TEST(a_wrong_size)
{
    struct payload p;

    for (u32 kind = 0; kind < PAYLOAD_KINDS; kind++) {
        make(kind, 100000, &p);
        p.decoded = 99999;
        assert_int_equal(decode(&p), DECODED_LARGER);
        p.decoded = 1;
        assert_int_equal(decode(&p), DECODED_LARGER);
        p.decoded = 100001;
        assert_int_equal(decode(&p), DECODED_SMALLER);
    }
    make(PAYLOAD_LZ4, MIB(8) + 5, &p);
    p.decoded = MIB(8);
    assert_int_equal(decode(&p), DECODED_LARGER);
}

TEST(a_payload_that_ends_anywhere)
{
    struct payload p;

    for (u32 kind = 0; kind < PAYLOAD_KINDS; kind++) {
        make(kind, 2000, &p);
        for (u64 whole = p.size, size = 1; size < whole; size++) {
            p.size = size;
            enum decoded result = decode(&p);
            /* An LZ4 frame has no end of its own, and the block's size can be cut. */
            if (kind == PAYLOAD_LZ4 && size <= 8)
                assert_int_equal(result, size == 4 || size == 8 ? result : DECODED_TRAILING);
            else
                assert_int_equal(result, DECODED_CUT_SHORT);
        }
    }
}

TEST(bytes_after_the_end)
{
    struct payload p;

    for (u32 kind = 0; kind < PAYLOAD_KINDS; kind++) {
        make(kind, 3000, &p);
        struct bytes_made longer = {0};
        append(&longer, p.data, p.size);
        append(&longer, "trailing", 8);
        p.data = longer.data;
        for (u32 more = 1; more <= 8; more++) {
            p.size = longer.size - 8 + more;
            assert_int_equal(decode(&p), DECODED_TRAILING);
        }
        free(longer.data);
    }
}

/* No byte may be wrong unnoticed, but where the format has no check: LZ4's literals. */
TEST(a_wrong_byte_anywhere)
{
    struct payload p;
    u64 own;

    for (u32 kind = 0; kind < PAYLOAD_KINDS; kind++) {
        make(kind, 3000, &p);
        for (u64 i = 0; i < p.size; i++) {
            u8 *at = (u8 *)p.data + i, right = *at;
            *at ^= 0x41;
            enum decoded result = payload_decode(&p, out, &own);
            if (kind == PAYLOAD_XZ || (kind == PAYLOAD_GZIP && i > 9))
                assert_true(result != DECODED && result != DECODED_NO_MEMORY);
            *at = right;
        }
        assert_int_equal(decode(&p), DECODED);
    }
}
