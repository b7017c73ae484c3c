/*
 * Guest copies on real page tables: what is remembered of a walk must never outlive what it was read from, whoever
 * changes it: the guest its tables, registers or rights, Homestead the physmap.
 */
#include <tests/unit/hypercall/calls.h>

#include <domain/guest_copy.h>

#define PRESENT  1ull
#define WRITE    2ull
#define RW       (PRESENT | WRITE)
#define LARGE    0x80ull
#define GVA      0x7fffdeadb000ull
#define INDEX(l) (GVA >> (12 + 9 * (l)) & 511)
#define PAGE(n)  at((u64)(n)*PAGE_SIZE) /* of the guest's memory, guest-physical */

static u32 looks; /* at the physmap */

/* The product's without its cache, and counted. */
void *physmap_frame(struct domain *d, u64 gaddr, bool write)
{
    struct np_entry entry = np_lookup(&d->physmap.np, gfn(gaddr >> PAGE_SHIFT));

    looks++;
    return d->physmap.destroyed || entry.type == NP_NONE || (write && entry.type == NP_GRANT_RO)
               ? NULL
               : mfn_to_virt(entry.mfn);
}

static u8 *page(u32 n)
{
    return mfn_to_virt(physmap_lookup(dom0, gfn(PAGE(n) >> PAGE_SHIFT)).mfn);
}

static u64 *entry(u32 n, u64 index)
{
    return (u64 *)(void *)page(n) + index;
}

/* Pages 1, 2, 3, 4: the tables for GVA; it is in page 10, the page after it in 11. */
static void setup(void)
{
    memset(caller->paths, 0, sizeof(caller->paths));
    guest_paging = (struct hvm_paging){
        .cr0 = CR0_PG | CR0_PE | CR0_WP, .cr3 = PAGE(1), .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA};
    for (u32 n = 1; n < 64; n++)
        memset(page(n), n < 10 ? 0 : 0x40 + (int)n, PAGE_SIZE);
    for (u32 level = 3; level > 0; level--)
        *entry(4 - level, INDEX(level)) = PAGE(5 - level) | RW;
    *entry(4, INDEX(0)) = PAGE(10) | RW;
    *entry(4, INDEX(0) + 1) = PAGE(11) | RW;
    looks = 0;
}
FIXTURE(setup, NULL)

/* Its first step closes the map. */
static void set_destroyed(bool destroyed)
{
    dom0->physmap.destroyed = destroyed;
    dom0->physmap.np.generation++;
}

/* The byte that is read at gva, or -errno. */
static int byte_at(u64 gva)
{
    u8 value = 0;
    caller->paging_known = false; /* as after each exit */
    int rc = copy_from_guest(caller, &value, gva, 1);

    return rc ? rc : value;
}

static int write_byte(u64 gva, u8 value)
{
    caller->paging_known = false;
    return copy_to_guest(caller, gva, &value, 1);
}

CALL_TEST(a_second_copy_looks_at_the_entries_only)
{
    assert_int_equal(byte_at(GVA), 0x4a);
    assert_int_equal(looks, 5); /* four tables and the page */
    assert_int_equal(byte_at(GVA + 4095), 0x4a);
    assert_int_equal(looks, 5);
    assert_int_equal(write_byte(GVA + 1, 7), 0); /* the entries that were read allow it */
    assert_int_equal(looks, 5);
    assert_int_equal(write_byte(GVA + 2, 8), 0);
    assert_int_equal(byte_at(GVA + 2), 8);
    assert_int_equal(looks, 5);
    assert_int_equal(page(10)[1], 7);
    for (u32 level = 0; level < 4; level++) {
        setup();
        *entry(4 - level, INDEX(level)) &= ~WRITE;
        assert_int_equal(byte_at(GVA), 0x4a);
        assert_int_equal(write_byte(GVA, 7), -EFAULT);
        guest_paging.cr0 &= ~CR0_WP; /* then the kernel may */
        assert_int_equal(byte_at(GVA), 0x4a);
        looks = 0;
        assert_int_equal(write_byte(GVA, 7), 0);
        assert_int_equal(write_byte(GVA, 8), 0);
        assert_int_equal(looks, 5);
    }
}

/* What is in one page is copied by the path of that page; one byte more is not. */
CALL_TEST(at_the_edges_of_a_page)
{
    u8 buf[PAGE_SIZE + 2];

    assert_int_equal(byte_at(GVA), 0x4a);
    assert_int_equal(looks, 5);
    assert_int_equal(copy_from_guest(caller, buf, GVA, PAGE_SIZE), 0);
    assert_int_equal(copy_from_guest(caller, buf, GVA + PAGE_SIZE - 1, 1), 0);
    assert_int_equal(copy_from_guest(caller, buf, GVA + 7, 0), 0);
    assert_int_equal(copy_from_guest(caller, buf, GVA, 0), 0);
    assert_int_equal(copy_from_guest(caller, buf, 0, 0), 0);
    assert_int_equal(copy_from_guest(caller, buf, ~0ull, 0), 0);
    assert_int_equal(looks, 5);
    assert_int_equal(copy_from_guest(caller, buf, GVA + PAGE_SIZE - 1, 2), 0);
    assert_int_equal(buf[0], 0x4a);
    assert_int_equal(buf[1], 0x4b);
    assert_int_equal(looks, 10);
    assert_int_equal(copy_from_guest(caller, buf, GVA, PAGE_SIZE + 1), 0);
    assert_int_equal(buf[PAGE_SIZE - 1], 0x4a);
    assert_int_equal(buf[PAGE_SIZE], 0x4b);
    assert_int_equal(looks, 10);
    assert_int_equal(copy_from_guest(caller, buf, ~0ull, 2), -EFAULT); /* wraps */
}

CALL_TEST(across_pages)
{
    u8 buf[PAGE_SIZE];

    assert_int_equal(copy_from_guest(caller, buf, GVA + 4000, 200), 0);
    assert_int_equal(buf[95], 0x4a);
    assert_int_equal(buf[96], 0x4b);
    memset(buf, 1, sizeof(buf));
    assert_int_equal(copy_to_guest(caller, GVA + 100, buf, PAGE_SIZE), 0);
    assert_int_equal(page(11)[99], 1);
    assert_int_equal(page(11)[100], 0x4b);
    *entry(4, INDEX(0) + 1) = 0;
    assert_int_equal(copy_from_guest(caller, buf, GVA + 4000, 97), -EFAULT);
    assert_int_equal(copy_from_guest(caller, buf, GVA + 4000, 96), 0);
}

/* The guest changes an entry of each level: the next copy goes where it says. */
CALL_TEST(the_guest_changes_its_tables)
{
    for (u32 level = 0; level < 4; level++) {
        setup();
        assert_int_equal(write_byte(GVA, 1), 0);
        u64 *changed = entry(4 - level, INDEX(level));
        if (level == 0) {
            *changed = PAGE(12) | RW;
        } else { /* another table, pages 20 and below, that lead to page 12 */
            for (u32 l = level - 1; l > 0; l--)
                *entry(20 - l, INDEX(l)) = PAGE(21 - l) | RW;
            *entry(20, INDEX(0)) = PAGE(12) | RW;
            *changed = PAGE(21 - level) | RW;
        }
        assert_int_equal(byte_at(GVA), 0x4c);
        assert_int_equal(write_byte(GVA, 2), 0);
        assert_int_equal(page(12)[0], 2);
        assert_int_equal(page(10)[0], 1);
        *changed &= ~WRITE;
        assert_int_equal(write_byte(GVA, 3), -EFAULT);
        assert_int_equal(byte_at(GVA), 2);
        *changed &= ~PRESENT;
        assert_int_equal(byte_at(GVA), -EFAULT);
        *changed |= RW;
        assert_int_equal(write_byte(GVA, 4), 0);
    }
}

CALL_TEST(the_guest_changes_registers)
{
    assert_int_equal(byte_at(GVA), 0x4a);
    guest_paging.cr3 = PAGE(8); /* no table */
    assert_int_equal(byte_at(GVA), -EFAULT);
    guest_paging.cr3 = PAGE(1);
    assert_int_equal(byte_at(GVA), 0x4a);
    *entry(4, INDEX(0)) &= ~WRITE;
    guest_paging.cr0 &= ~CR0_WP;
    assert_int_equal(write_byte(GVA, 5), 0);
    guest_paging.cr0 |= CR0_WP;
    assert_int_equal(write_byte(GVA, 6), -EFAULT);
    guest_paging.cr0 &= ~CR0_PG; /* addresses are physical */
    assert_int_equal(byte_at(PAGE(13)), 0x4d);
    guest_paging.cr0 |= CR0_PG;
    assert_int_equal(byte_at(PAGE(13)), -EFAULT);
}

/* Frames of the tables and of the page go, come again, and are replaced by others. */
CALL_TEST(the_physmap_changes)
{
    static const u32 path[] = {1, 2, 3, 4, 10};

    for (u32 i = 0; i < ARRAY_SIZE(path); i++) {
        gfn_t g = gfn(PAGE(path[i]) >> PAGE_SHIFT);
        mfn_t old = physmap_lookup(dom0, g).mfn, other;

        assert_int_equal(byte_at(GVA), 0x4a);
        assert_int_equal(physmap_remove(dom0, g, 0, false), 0);
        assert_int_equal(byte_at(GVA), -EFAULT);
        assert_int_equal(physmap_place(dom0, g, old, 0, NP_RAM), 0);
        assert_int_equal(byte_at(GVA), 0x4a);
        assert_int_equal(mm_alloc(&dom0->mem, NODE_NONE, 0, 0, &other), 0);
        memcpy(mfn_to_virt(other), mfn_to_virt(old), PAGE_SIZE);
        memset(mfn_to_virt(old), 0xee, PAGE_SIZE);
        assert_int_equal(physmap_place(dom0, g, other, 0, NP_RAM), 0);
        assert_int_equal(byte_at(GVA), 0x4a);
    }
}

static int write_at(const struct guest_place *place, u64 offset, u8 value)
{
    return copy_to_guest_place(caller, place, offset, &value, 1);
}

/* A result goes where its argument was found, whatever the guest does to its tables meanwhile, unless the map changes or
 * writing there was not allowed: then it is looked up again. */
CALL_TEST(a_result_goes_where_its_argument_was)
{
    struct guest_place place;
    u8 bytes[8];

    assert_int_equal(copy_from_guest_place(caller, bytes, GVA + 8, sizeof(bytes), &place), 0);
    assert_int_equal(bytes[7], 0x4a);
    *entry(4, INDEX(0)) = PAGE(11) | RW;
    looks = 0;
    assert_int_equal(write_at(&place, 3, 7), 0);
    assert_true(page(10)[11] == 7 && page(11)[11] == 0x4b);
    assert_int_equal(looks, 0);

    /* Its page is another one: as for a new copy. */
    gfn_t g = gfn(PAGE(10) >> PAGE_SHIFT);
    mfn_t old = physmap_lookup(dom0, g).mfn;
    assert_int_equal(physmap_remove(dom0, g, 0, false), 0);
    assert_int_equal(write_at(&place, 4, 8), 0);
    assert_true(((u8 *)mfn_to_virt(old))[12] == 0x4a && page(11)[12] == 8);
    *entry(4, INDEX(0)) = PAGE(10) | RW;
    assert_int_equal(write_at(&place, 4, 8), -EFAULT);
    assert_int_equal(physmap_place(dom0, g, old, 0, NP_RAM), 0);
    assert_int_equal(write_at(&place, 4, 9), 0);
    assert_int_equal(page(10)[12], 9);

    set_destroyed(true);
    assert_int_equal(copy_from_guest_place(caller, bytes, GVA, 8, &place), -EFAULT);
    assert_int_equal(write_at(&place, 0, 1), -EFAULT);
    set_destroyed(false);
    assert_int_equal(copy_from_guest_place(caller, bytes, GVA, 8, &place), 0);
    set_destroyed(true);
    assert_int_equal(write_at(&place, 0, 1), -EFAULT);
    set_destroyed(false);

    /* Read-only, over the edge of a page, nothing at all: none of it is where the last argument was. */
    assert_int_equal(copy_from_guest_place(caller, bytes, GVA, 8, &place), 0);
    assert_int_equal(write_at(&place, 0, 0x4a), 0);
    *entry(4, INDEX(0)) = PAGE(10) | PRESENT;
    assert_int_equal(copy_from_guest_place(caller, bytes, GVA, 8, &place), 0);
    assert_int_equal(write_at(&place, 0, 1), -EFAULT);
    *entry(4, INDEX(0)) = PAGE(10) | RW;
    assert_int_equal(write_at(&place, 0, 1), 0);
    assert_int_equal(copy_from_guest_place(caller, bytes, GVA + 4092, 8, &place), 0);
    assert_int_equal(bytes[7], 0x4b);
    assert_int_equal(write_at(&place, 4, 6), 0);
    assert_int_equal(page(11)[0], 6);
    *entry(4, INDEX(0) + 1) = 0;
    assert_int_equal(copy_from_guest_place(caller, bytes, GVA + 4092, 8, &place), -EFAULT);
    assert_int_equal(write_at(&place, 4, 6), -EFAULT);
    assert_int_equal(copy_from_guest_place(caller, bytes, ~7ull, 8, &place), -EFAULT);
    assert_int_equal(copy_from_guest_place(caller, bytes, ~6ull, 8, &place), -EFAULT);
    assert_int_equal(copy_from_guest_place(caller, bytes, GVA + 4096, 0, &place), 0);
}

CALL_TEST(a_domain_that_is_torn_down)
{
    assert_int_equal(byte_at(GVA), 0x4a);
    set_destroyed(true);
    assert_int_equal(byte_at(GVA), -EFAULT);
    set_destroyed(false);
}

/* More pages than are remembered, in any order; two that share a place. */
CALL_TEST(many_pages)
{
    for (u32 i = 0; i < 20; i++)
        *entry(4, INDEX(0) + i) = PAGE(20 + i) | RW;
    for (u32 round = 0; round < 3; round++)
        for (u32 i = 0; i < 20; i++) {
            u32 n = i * 7 % 20;
            assert_int_equal(byte_at(GVA + (u64)n * PAGE_SIZE), 0x40 + 20 + n);
        }
}

CALL_TEST(large_pages_and_small_entries)
{
    const u64 large = (GVA & ~0x1fffffull) + 14 * PAGE_SIZE;

    *entry(3, INDEX(1)) = (GUEST_BASE + GUEST_BYTES) | RW | LARGE; /* there is nothing */
    assert_int_equal(byte_at(large), -EFAULT);
    *entry(3, INDEX(1)) = GUEST_BASE | RW | LARGE;
    assert_int_equal(byte_at(large), 0x4e);
    assert_int_equal(byte_at(large), 0x4e);
    /* 32-bit paging: entries of 4 bytes, two a word. */
    guest_paging = (struct hvm_paging){.cr0 = CR0_PG | CR0_PE, .cr3 = PAGE(5)};
    u32 *top = (u32 *)(void *)page(5), *last = (u32 *)(void *)page(6);
    top[1] = (u32)(PAGE(6) | RW);
    last[3] = (u32)(PAGE(15) | RW);
    assert_int_equal(byte_at((1u << 22) + 3 * PAGE_SIZE), 0x4f);
    looks = 0;
    assert_int_equal(byte_at((1u << 22) + 3 * PAGE_SIZE), 0x4f);
    assert_int_equal(looks, 0);
    last[2] = 0xffffffff; /* it shares a word with its neighbour */
    assert_int_equal(byte_at((1u << 22) + 3 * PAGE_SIZE), 0x4f);
    last[3] = (u32)(PAGE(16) | PRESENT);
    assert_int_equal(byte_at((1u << 22) + 3 * PAGE_SIZE), 0x50);
}

/* Walks of five levels are made each time. */
CALL_TEST(five_levels)
{
    guest_paging.cr4 |= CR4_LA57;
    guest_paging.cr3 = PAGE(7);
    *entry(7, GVA >> 48 & 511) = PAGE(1) | RW;
    for (u32 round = 0; round < 2; round++) {
        looks = 0;
        assert_int_equal(byte_at(GVA), 0x4a);
        assert_int_equal(looks, 6);
    }
    *entry(7, GVA >> 48 & 511) = 0;
    assert_int_equal(byte_at(GVA), -EFAULT);
}

/* Registers are looked at once an exit. */
CALL_TEST(the_first_copy_of_an_exit_looks_at_the_registers)
{
    u8 byte = 0;

    assert_int_equal(byte_at(GVA), 0x4a);
    guest_paging.cr3 = PAGE(8); /* no table; nothing can change it between two exits */
    assert_int_equal(copy_from_guest(caller, &byte, GVA, 1), 0);
    assert_int_equal(byte_at(GVA), -EFAULT);
}

CALL_TEST(nothing_and_too_much)
{
    u8 byte = 0;

    assert_int_equal(copy_from_guest(caller, &byte, 0x4000000000000000ull, 0), 0);
    assert_int_equal(copy_from_guest(caller, &byte, 0x4000000000000000ull, 1), -EFAULT);
    assert_int_equal(copy_from_guest(caller, &byte, ~0ull, 2), -EFAULT);
    assert_int_equal(copy_from_guest_element(caller, &byte, GVA, 1ull << 61, 8), -EFAULT);
    assert_int_equal(copy_to_guest_element(caller, GVA, ~0ull >> 3, &byte, 8), -EFAULT);
    assert_int_equal(looks, 0);
    assert_int_equal(copy_from_guest_element(caller, &byte, GVA, 4096, 1), 0);
    assert_int_equal(byte, 0x4b);
}
