/*
 * Guest copies on real page tables in a small guest memory: what is remembered of a walk must never outlive
 * what it was read from, whoever changes it: the guest its tables, registers or rights, Homestead the
 * physmap.
 */
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <homestead/errno.h>
#include <hypercall/guest_copy.h>

#define FRAMES   64u
#define PRESENT  1ull
#define WRITE    2ull
#define LARGE    0x80ull
#define GVA      0x7fffdeadb000ull
#define INDEX(l) (GVA >> (12 + 9 * (l)) & 511)

static u8 memory[2][FRAMES][PAGE_SIZE]; /* two places where a frame can be */
static u8 place[FRAMES];
static bool gone[FRAMES];
static struct domain domain;
static struct vcpu caller;
static struct hvm_paging paging;
static u32 looks; /* at the physmap */

static u32 held; /* locks */
void lock_check_take(u32 level)
{
    assert_int_equal(level, LOCK_PHYSMAP);
    held++;
}
void lock_check_drop(u32 level)
{
    (void)level;
    held--;
}

void *physmap_frame(struct domain *d, u64 gaddr)
{
    u64 n = gaddr >> PAGE_SHIFT;

    assert_ptr_equal(d, &domain);
    assert_int_equal(held, 1);
    looks++;
    return n >= FRAMES || gone[n] ? NULL : memory[place[n]][n];
}

static void paging_state(struct hvm_vcpu *v, struct hvm_paging *out)
{
    assert_ptr_equal(v, &caller.hvm);
    *out = paging;
}
static const struct hvm_ops ops = {.paging_state = paging_state};
const struct hvm_ops *hvm_ops = &ops;

static u64 *entry(u32 frame, u64 index)
{
    return (u64 *)(void *)memory[place[frame]][frame] + index;
}

/* Frames 1, 2, 3, 4: the tables for GVA; it is in frame 10, the page behind it in 11. */
static void setup(void)
{
    memset(memory, 0, sizeof(memory));
    memset(place, 0, sizeof(place));
    memset(gone, 0, sizeof(gone));
    domain = (struct domain){.physmap.np.generation = 1};
    spin_lock_init(&domain.physmap.lock, LOCK_PHYSMAP);
    caller = (struct vcpu){.domain = &domain};
    paging = (struct hvm_paging){
        .cr0 = CR0_PG | CR0_PE | CR0_WP, .cr3 = 1 << PAGE_SHIFT, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA};
    for (u32 level = 3; level > 0; level--)
        *entry(4 - level, INDEX(level)) = (5ull - level) << PAGE_SHIFT | PRESENT | WRITE;
    *entry(4, INDEX(0)) = 10ull << PAGE_SHIFT | PRESENT | WRITE;
    *entry(4, INDEX(0) + 1) = 11ull << PAGE_SHIFT | PRESENT | WRITE;
    for (u32 n = 10; n < FRAMES; n++)
        memset(memory[0][n], (int)(0x40 + n), PAGE_SIZE);
    looks = 0;
}

/* The byte that is read at gva, or -errno. */
static int byte_at(u64 gva)
{
    u8 value = 0;
    int rc = copy_from_guest(&caller, &value, gva, 1);

    return rc ? rc : value;
}

static int write_byte(u64 gva, u8 value)
{
    return copy_to_guest(&caller, gva, &value, 1);
}

TEST(a_second_copy_looks_at_the_entries_only)
{
    assert_int_equal(byte_at(GVA), 0x4a);
    assert_int_equal(looks, 5); /* four tables and the page */
    assert_int_equal(byte_at(GVA + 4095), 0x4a);
    assert_int_equal(looks, 5);
    assert_int_equal(write_byte(GVA + 1, 7), 0); /* whether it may be written was not asked yet */
    assert_int_equal(looks, 10);
    assert_int_equal(write_byte(GVA + 2, 8), 0);
    assert_int_equal(byte_at(GVA + 2), 8);
    assert_int_equal(looks, 10);
    assert_int_equal(memory[0][10][1], 7);
}

TEST(across_pages)
{
    u8 buf[PAGE_SIZE];

    assert_int_equal(copy_from_guest(&caller, buf, GVA + 4000, 200), 0);
    assert_int_equal(buf[95], 0x4a);
    assert_int_equal(buf[96], 0x4b);
    memset(buf, 1, sizeof(buf));
    assert_int_equal(copy_to_guest(&caller, GVA + 100, buf, PAGE_SIZE), 0);
    assert_int_equal(memory[0][11][99], 1);
    assert_int_equal(memory[0][11][100], 0x4b);
    *entry(4, INDEX(0) + 1) = 0;
    assert_int_equal(copy_from_guest(&caller, buf, GVA + 4000, 97), -EFAULT);
    assert_int_equal(copy_from_guest(&caller, buf, GVA + 4000, 96), 0);
}

/* The guest changes an entry of each level: the next copy goes where it says. */
TEST(the_guest_changes_its_tables)
{
    for (u32 level = 0; level < 4; level++) {
        setup();
        assert_int_equal(write_byte(GVA, 1), 0);
        u64 *changed = entry(4 - level, INDEX(level));
        if (level == 0) {
            *changed = 12ull << PAGE_SHIFT | PRESENT | WRITE;
        } else { /* another table, frames 20 and below, that lead to frame 12 */
            for (u32 l = level - 1; l > 0; l--)
                *entry(20 - l, INDEX(l)) = (21ull - l) << PAGE_SHIFT | PRESENT | WRITE;
            *entry(20, INDEX(0)) = 12ull << PAGE_SHIFT | PRESENT | WRITE;
            *changed = (21ull - level) << PAGE_SHIFT | PRESENT | WRITE;
        }
        assert_int_equal(byte_at(GVA), 0x4c);
        assert_int_equal(write_byte(GVA, 2), 0);
        assert_int_equal(memory[0][12][0], 2);
        assert_int_equal(memory[0][10][0], 1);
        *changed &= ~WRITE;
        assert_int_equal(write_byte(GVA, 3), -EFAULT);
        assert_int_equal(byte_at(GVA), 2);
        *changed &= ~PRESENT;
        assert_int_equal(byte_at(GVA), -EFAULT);
        *changed |= PRESENT | WRITE;
        assert_int_equal(write_byte(GVA, 4), 0);
    }
}

TEST(the_guest_changes_registers)
{
    assert_int_equal(byte_at(GVA), 0x4a);
    paging.cr3 = 8 << PAGE_SHIFT; /* no table */
    assert_int_equal(byte_at(GVA), -EFAULT);
    paging.cr3 = 1 << PAGE_SHIFT;
    assert_int_equal(byte_at(GVA), 0x4a);
    *entry(4, INDEX(0)) &= ~WRITE;
    paging.cr0 &= ~CR0_WP;
    assert_int_equal(write_byte(GVA, 5), 0);
    paging.cr0 |= CR0_WP;
    assert_int_equal(write_byte(GVA, 6), -EFAULT);
    paging.cr0 &= ~CR0_PG; /* addresses are physical */
    assert_int_equal(byte_at(13 << PAGE_SHIFT), 0x4d);
    paging.cr0 |= CR0_PG;
    assert_int_equal(byte_at(13 << PAGE_SHIFT), -EFAULT);
}

/* Frames go, or are elsewhere: whoever changes the physmap raises the generation. */
TEST(the_physmap_changes)
{
    static const u32 path[] = {1, 2, 3, 4, 10};

    for (u32 i = 0; i < ARRAY_SIZE(path); i++) {
        setup();
        assert_int_equal(byte_at(GVA), 0x4a);
        gone[path[i]] = true;
        domain.physmap.np.generation++;
        assert_int_equal(byte_at(GVA), -EFAULT);
        gone[path[i]] = false;
        assert_int_equal(byte_at(GVA), 0x4a);
        memcpy(memory[1][path[i]], memory[0][path[i]], PAGE_SIZE);
        memset(memory[0][path[i]], 0xee, PAGE_SIZE);
        place[path[i]] = 1;
        domain.physmap.np.generation++;
        assert_int_equal(byte_at(GVA), 0x4a);
    }
}

TEST(a_domain_that_is_torn_down)
{
    assert_int_equal(byte_at(GVA), 0x4a);
    domain.physmap.destroyed = true;
    memset(gone, true, sizeof(gone)); /* as physmap_frame() says then */
    assert_int_equal(byte_at(GVA), -EFAULT);
}

/* More pages than are remembered, in any order; two that share a place. */
TEST(many_pages)
{
    for (u32 i = 0; i < 20; i++)
        *entry(4, INDEX(0) + i) = (20ull + i) << PAGE_SHIFT | PRESENT | WRITE;
    for (u32 round = 0; round < 3; round++)
        for (u32 i = 0; i < 20; i++) {
            u32 n = i * 7 % 20;
            assert_int_equal(byte_at(GVA + (u64)n * PAGE_SIZE), 0x40 + 20 + n);
        }
}

TEST(large_pages_and_small_entries)
{
    *entry(3, INDEX(1)) = 0 | PRESENT | WRITE | LARGE; /* 2 MiB from 0: GVA's page is beyond our memory */
    assert_int_equal(byte_at(GVA), -EFAULT);
    assert_int_equal(byte_at((GVA & ~0x1fffffull) + 14 * PAGE_SIZE), 0x4e);
    assert_int_equal(byte_at((GVA & ~0x1fffffull) + 14 * PAGE_SIZE), 0x4e);
    /* 32-bit paging: entries of 4 bytes, two a word. */
    paging = (struct hvm_paging){.cr0 = CR0_PG | CR0_PE, .cr3 = 5 << PAGE_SHIFT};
    u32 *top = (u32 *)(void *)memory[0][5], *last = (u32 *)(void *)memory[0][6];
    top[1] = (u32)(6 << PAGE_SHIFT | PRESENT | WRITE);
    last[3] = (u32)(15 << PAGE_SHIFT | PRESENT | WRITE);
    assert_int_equal(byte_at((1u << 22) + 3 * PAGE_SIZE), 0x4f);
    last[4] = 0xffffffff; /* its neighbour is none of its business */
    looks = 0;
    assert_int_equal(byte_at((1u << 22) + 3 * PAGE_SIZE), 0x4f);
    assert_int_equal(looks, 0);
    last[3] = (u32)(16 << PAGE_SHIFT | PRESENT);
    assert_int_equal(byte_at((1u << 22) + 3 * PAGE_SIZE), 0x50);
}

TEST(nothing_and_too_much)
{
    u8 byte = 0;

    assert_int_equal(copy_from_guest(&caller, &byte, 0x4000000000000000ull, 0), 0);
    assert_int_equal(copy_from_guest(&caller, &byte, 0x4000000000000000ull, 1), -EFAULT);
    assert_int_equal(copy_from_guest(&caller, &byte, ~0ull, 2), -EFAULT);
    assert_int_equal(looks, 0);
}

FIXTURE(setup, NULL)
