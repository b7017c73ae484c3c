/*
 * mode=mmio: reads from where nothing is mapped give all ones, and writes are dropped, for each form of the
 * instructions that Homestead emulates (mmio_forms.asm). One line for each kind of code, then "mmio: ok" or
 * FAILED. Option crash=NAME makes one access that ends the domain: insn, stack, tables, event, code.
 */
#include <guest/lib/guest.h>
#include <guest/test/test.h>
#include <lib/string.h>

#define HOLE        0xd0000000u
#define OLD         0x11223344u
#define END         (1ull << 32) /* of what entry.asm maps */
#define NR_MAX      64u
#define DESCRIPTORS 6u

u32 mmio_forms_64(u32 *results), mmio_forms_32(u32 *results), mmio_forms_16(u32 *results);
extern u8 mmio_code_16[];

/* What the forms of all kinds of code give. */
static const u32 common[] = {
    0x112233ff, 0x1122ff44, 0x1122ffff, 0xffffffff, 0x000000ff, 0x112200ff,    0x0000ffff, 0xffffffff,
    0x1122ffff, 0xffffffff, 0x112233ff, 0x1122ffff, 0xffffffff, 0xffffffff,    0xffffffff, 0xffffffff,
    0xffffffff, 0x112233ff, 0x1122ffff, 0xffffffff, HOLE + 7,   HOLE + 0x1015, 0xffffffff, 0xffffffff,
    0xffffffff, HOLE + 19,  HOLE - 2,   0xffffffff, 0xffffffff, 0x112233ff,    27,         HOLE + 20,
};
static const u32 only_64[] = {0xffffffff, 0xffffffff, 0x112233ff, 0xffffffff,
                              0xffffffff, 0xffffffff, 0xff,       0xffffffff};
static const u32 only_32[] = {0xffffffff, 0xffffffff};
static const u32 only_16[] = {0x1122ffff, 0xffffffff};

static bool same(const char *name, u32 nr, const u32 *results, const u32 *last, u32 nr_last)
{
    bool ok = nr == ARRAY_SIZE(common) + nr_last;

    for (u32 i = 0; ok && i < nr; i++) {
        u32 want = i < ARRAY_SIZE(common) ? common[i] : last[i - ARRAY_SIZE(common)];

        if (results[i] != want) {
            printf("mmio: result %u is %#x, not %#x\n", i, results[i], want);
            ok = false;
        }
    }
    printf("mmio: %s code, %u results %s\n", name, nr, ok ? "ok" : "FAILED");
    return ok;
}

static u64 segment(u64 type, u32 base, u64 limit)
{
    return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | type << 40 | (limit >> 16) << 48 |
           (u64)(base >> 24) << 56;
}

/* The GDT of entry.asm, and 16-bit segments: code from mmio_code_16 on, data from HOLE on. */
static void set_segments(void)
{
    static u64 gdt[DESCRIPTORS] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff};
    struct PACKED {
        u16 limit;
        u64 base;
    } gdtr = {sizeof(gdt) - 1, (u64)(uintptr_t)gdt};

    gdt[4] = segment(0x9b, (u32)(uintptr_t)mmio_code_16, 0xffff);
    gdt[5] = segment(0x93, HOLE, 0xffff);
    __asm__ volatile("lgdt %0" : : "m"(gdtr) : "memory");
}

static NORETURN void crash(const char *how)
{
    u64 hole = HOLE;
    struct PACKED {
        u16 limit;
        u64 base;
    } idtr = {0xfff, HOLE};

    printf("mmio: crash by %s\n", how);
    if (!strcmp(how, "insn"))
        __asm__ volatile("addl $1, (%0)" : : "r"(hole) : "memory");
    if (!strcmp(how, "stack"))
        __asm__ volatile("lea 0x100(%0), %%rsp; push %%rax" : : "r"(hole) : "memory");
    if (!strcmp(how, "tables"))
        __asm__ volatile("mov %0, %%cr3" : : "r"(hole) : "memory");
    if (!strcmp(how, "event"))
        __asm__ volatile("lidt %0; ud2" : : "m"(idtr));
    if (!strcmp(how, "code"))
        __asm__ volatile("jmp *%0" : : "r"(hole));
    printf("mmio: crash by %s: nothing happened\n", how);
    guest_shutdown(0);
}

/* OUTS and INS that leave what is mapped: #PF with the registers as of the element that failed. */
static void outs_past_end(void *arg)
{
    (void)arg;
    __asm__ volatile("rep outsw" : : "S"(END - 4), "c"(7), "d"(0x80) : "memory");
}

static void ins_past_end(void *arg)
{
    (void)arg;
    __asm__ volatile("rep insl" : : "D"(END - 6), "c"(7), "d"(0x80) : "memory");
}

static bool faults(const char *name, void (*fn)(void *), u64 error, u64 rcx)
{
    u64 cr2 = 0;
    int vector = guest_probe(fn, NULL);

    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    bool ok = vector == 14 && cr2 == END && guest_probe_error == error && guest_probe_rcx == rcx;
    printf("mmio: %s past the end: exception %d, error %lu, rcx %lu, cr2 %#lx %s\n", name, vector,
           guest_probe_error, guest_probe_rcx, cr2, ok ? "ok" : "FAILED");
    return ok;
}

bool mmio_run(void)
{
    static u32 results[NR_MAX];
    char how[16];
    bool ok;

    if (guest_option("crash", how, sizeof(how)))
        crash(how);
    set_segments();
    ok = same("64-bit", mmio_forms_64(results), results, only_64, ARRAY_SIZE(only_64));
    ok = same("32-bit", mmio_forms_32(results), results, only_32, ARRAY_SIZE(only_32)) && ok;
    ok = same("16-bit", mmio_forms_16(results), results, only_16, ARRAY_SIZE(only_16)) && ok;
    ok = faults("outs", outs_past_end, 0, 5) && ok;
    ok = faults("ins", ins_past_end, 2, 6) && ok;
    printf("mmio: %s\n", ok ? "ok" : "FAILED");
    return ok;
}
