/* The heap of domain 0, against a list of what is allocated. */
#include <tests/machine/random.h>
#include <tests/machine/test.h>

#include <guest/dom0/heap.h>

static u8 *memory;

static void setup(void)
{
    memory = aligned_alloc(4096, 65536);
}
static void teardown(void)
{
    free(memory);
}
FIXTURE(setup, teardown)

TEST(an_empty_heap_has_nothing)
{
    struct heap h = {0};

    assert_null(heap_alloc(&h, 1));
    assert_int_equal(heap_largest(&h), 0);
    heap_free(&h, NULL);
    heap_add(&h, memory + 1, 46); /* 16 aligned bytes: too few */
    assert_null(h.first);
    heap_add(&h, memory + 1, 47);
    assert_int_equal(heap_largest(&h), 16);
}

TEST(all_of_a_piece_can_be_had_at_once)
{
    struct heap h = {0};

    heap_add(&h, memory, 4096);
    assert_int_equal(heap_largest(&h), 4080);
    assert_null(heap_alloc(&h, 4081));
    assert_null(heap_alloc(&h, 0));
    assert_null(heap_alloc(&h, ~0ull));
    assert_null(heap_alloc(&h, ~0ull - 15));
    u8 *all = heap_alloc(&h, 4080);
    assert_ptr_equal(all, memory + 16);
    assert_int_equal(heap_largest(&h), 0);
    heap_free(&h, all);
    assert_int_equal(heap_largest(&h), 4080);
}

TEST(pieces_with_a_gap_are_not_joined)
{
    struct heap h = {0};

    heap_add(&h, memory, 4096);
    heap_add(&h, memory + 8192, 8192);
    assert_int_equal(heap_largest(&h), 8176);
    u8 *a = heap_alloc(&h, 4000), *b = heap_alloc(&h, 8000);
    assert_ptr_equal(b, memory + 8192 + 16);
    heap_free(&h, b);
    heap_free(&h, a);
    assert_int_equal(heap_largest(&h), 8176);
    heap_add(&h, memory + 16384, 4096); /* none in between */
    heap_free(&h, heap_alloc(&h, 1));
    assert_int_equal(heap_largest(&h), 12272);
}

TEST(random_blocks_keep_what_is_written_to_them)
{
    struct {
        u8 *at, with;
        u32 size;
    } blocks[40] = {{0}};
    struct rng rng = {.state = 7};
    struct heap h = {0};

    heap_add(&h, memory, 30000);
    heap_add(&h, memory + 40000, 25000);
    u64 most = heap_largest(&h);
    for (u32 round = 0; round < 20000; round++) {
        u32 i = rng_draw(&rng, ARRAY_SIZE(blocks));
        if (blocks[i].at) {
            for (u32 n = 0; n < blocks[i].size; n++)
                assert_int_equal(blocks[i].at[n], blocks[i].with);
            heap_free(&h, blocks[i].at);
            blocks[i].at = NULL;
        } else {
            blocks[i].size = 1 + rng_draw(&rng, 4000);
            blocks[i].with = (u8)round;
            u64 largest = heap_largest(&h);
            blocks[i].at = heap_alloc(&h, blocks[i].size);
            assert_int_equal(blocks[i].at != NULL, blocks[i].size <= largest);
            if (blocks[i].at) {
                assert_true(IS_ALIGNED((uintptr_t)blocks[i].at, HEAP_ALIGN));
                memset(blocks[i].at, blocks[i].with, blocks[i].size);
            }
        }
    }
    for (u32 i = 0; i < ARRAY_SIZE(blocks); i++)
        heap_free(&h, blocks[i].at);
    assert_int_equal(heap_largest(&h), most);
}
