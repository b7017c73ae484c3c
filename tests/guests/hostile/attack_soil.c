/*
 * attack=soil: every register that a program can name is a row of a table. A row is read and written with each bit of
 * CR4, XCR0 and EFER set that can be set, offered by CPUID or not. Nothing that one vCPU leaves in a register may
 * be seen by another one, of this guest or of a later one.
 *
 * Option do=look (default): prints what each vCPU finds in its registers, one after the other. The boot test
 * compares a guest that ran before all others with one that ran after a soiler; they must be the same to the bit.
 * do=soil: two vCPUs write different values everywhere and take turns on a CPU; each must find its own again.
 * Option verbose=1 prints all rows.
 *
 * Model-specific registers are found by trying, all numbers of the ranges in which CPUs have any. Left alone: the
 * TSC, which runs on, the APIC and its base, which are the vCPU's devices, and Xen's hypercall page.
 *
 * lint: long: mostly a table of registers, each with the instructions that reach it.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <lib/string.h>
#include <xen/sched.h>

#define TURNS      20u
#define TURN_MS    12u /* longer than a slice */
#define MSRS_FOUND 512u
#define FX_BYTES   512u
#define FX_WORDS   52u /* of them with registers */

/* --- rows ----------------------------------------------------------------------------------------------- */

struct row {
    const char *name;
    void (*read)(u64 *value);
    void (*write)(u64 value); /* NULL: only looked at */
    u64 keep;                 /* bits that must not change, or this program ends */
    u64 set;                  /* and those that the CPU demands */
};

#define READ(name, asm_text) \
    static void read_##name(u64 *value) \
    { \
        u64 low = 0, high = 0, rcx = 0; \
        __asm__ volatile(asm_text : "+a"(low), "+d"(high), "+c"(rcx) : : "memory"); \
        *value = high << 32 | low; \
    }
#define WRITE(name, asm_text) \
    static void write_##name(u64 value) \
    { \
        __asm__ volatile(asm_text \
                         : \
                         : "a"((u32)value), "d"((u32)(value >> 32)), "c"(0ull), "D"(value), "S"(&value) \
                         : "memory"); \
    }
#define READ_REG(name, reg) \
    READ(name, "mov %%" reg ", %%rax; mov %%rax, %%rdx; shr $32, %%rdx; mov %%eax, %%eax")
#define WRITE_REG(name, reg) WRITE(name, "mov %%rdi, %%" reg)
#define CONTROL(name, reg)   READ_REG(name, reg) WRITE_REG(name, reg)

CONTROL(cr0, "cr0")
CONTROL(cr2, "cr2")
CONTROL(cr4, "cr4")
CONTROL(cr8, "cr8")
CONTROL(dr0, "db0")
CONTROL(dr1, "db1")
CONTROL(dr2, "db2")
CONTROL(dr3, "db3")
CONTROL(dr6, "db6")
CONTROL(dr7, "db7")
READ(xcr0, "xgetbv")
WRITE(xcr0, "mov $7, %%eax; xor %%edx, %%edx; xsetbv")
READ(pkru, ".byte 0x0f, 0x01, 0xee") /* RDPKRU, WRPKRU */
WRITE(pkru, "xor %%edx, %%edx; .byte 0x0f, 0x01, 0xef")
READ(rdtscp, "rdtscp; mov %%ecx, %%eax; xor %%edx, %%edx")
READ(rdpid, ".byte 0xf3, 0x0f, 0xc7, 0xf8")     /* RDPID RAX */
READ(ssp, ".byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8") /* RDSSPQ RAX: no operation without CET */
/* The upper half of YMM15, by which all others are judged: XSAVE's components are switched together or not at all. */
READ(ymm, "sub $32, %%rsp; vextractf128 $1, %%ymm15, (%%rsp); mov (%%rsp), %%eax; mov 4(%%rsp), %%edx; add "
          "$32, %%rsp")
WRITE(ymm, "vbroadcastsd (%%rsi), %%ymm15")
READ(bnd0, "sub $16, %%rsp; movq $0, (%%rsp); .byte 0x66, 0x0f, 0x1b, 0x04, 0x24;" /* BNDMOV */
           "mov (%%rsp), %%eax; mov 4(%%rsp), %%edx; add $16, %%rsp")
WRITE(bnd0, ".byte 0xf3, 0x0f, 0x1b, 0x06") /* BNDMK */
READ(fs_base, ".byte 0xf3, 0x48, 0x0f, 0xae, 0xc0; mov %%rax, %%rdx; shr $32, %%rdx; mov %%eax, %%eax")
READ(tr, "str %%eax")
READ(ldtr, "sldt %%eax")
READ(pmc, "rdpmc")

static const struct row rows[] = {
    {"cr0", read_cr0, write_cr0, 0xfffffffffffaffffull, 0}, /* AM and WP */
    {"cr2", read_cr2, write_cr2, 0, 0},
    {"cr8", read_cr8, write_cr8, ~15ull, 0},
    {"dr0", read_dr0, write_dr0, 0, 0},
    {"dr1", read_dr1, write_dr1, 0, 0},
    {"dr2", read_dr2, write_dr2, 0, 0},
    {"dr3", read_dr3, write_dr3, 0, 0},
    {"dr6", read_dr6, write_dr6, ~0xe00full, 0},
    {"dr7", read_dr7, write_dr7, ~0x300ull, 0},
    {"xcr0", read_xcr0, write_xcr0, 0, 0},
    {"pkru", read_pkru, write_pkru, ~0xfffffff0ull, 0},
    {"ymm", read_ymm, write_ymm, 0, 0},
    {"bnd0", read_bnd0, write_bnd0, 0, 0},
    {"rdtscp", read_rdtscp, NULL, 0, 0},
    {"rdpid", read_rdpid, NULL, 0, 0},
    {"ssp", read_ssp, NULL, 0, 0},
    {"fsbase", read_fs_base, NULL, 0, 0},
    {"tr", read_tr, NULL, 0, 0},
    {"ldtr", read_ldtr, NULL, 0, 0},
    {"pmc", read_pmc, NULL, 0, 0},
};

static const struct {
    u32 first, last;
} msr_ranges[] = {
    {0, 0x1fff},              /* all of Intel's, most of which AMD has not */
    {0xc0000080, 0xc00003ff}, /* system calls, TSC_AUX, performance monitoring */
    {0xc0010000, 0xc00103ff}, /* performance counters, SYSCFG, HWCR, SVM */
    {0xc0011000, 0xc001107f}, /* debug masks, IBS, DE_CFG */
};

static bool left_alone(u32 msr)
{
    return msr == 0x10 || msr == 0x1b || (msr >= 0x800 && msr <= 0x8ff);
}

/* Of what is written the CPU takes these bits; all of others that it does not refuse. */
static u64 msr_value(u32 msr, u64 value)
{
    switch (msr) {
    case 0xc0000080: /* EFER: what this program runs with stays */
        return 0xd01;
    case 0x277: /* PAT: eight valid types, of which the first two are in use */
        return 0x0406040600070406ull ^ (value & 0x0202000000000000ull);
    case 0xc0000100: /* FS, GS: canonical */
    case 0xc0000101:
    case 0xc0000102:
    case 0xc0000082:
    case 0xc0000083:
    case 0x175:
    case 0x176:
        return value & 0x7fffffffffffull;
    default:
        return value;
    }
}

/* --- reading and writing one, with what becomes of it ---------------------------------------------------- */

struct found {
    int vector; /* -1: it was read, or written */
    u64 value;
};

struct access {
    const struct row *row;
    u32 msr;
    u64 value;
};

static void do_read(void *arg)
{
    struct access *a = arg;

    if (a->row)
        a->row->read(&a->value);
    else
        a->value = rdmsr(a->msr);
}

static void do_write(void *arg)
{
    const struct access *a = arg;

    if (a->row)
        a->row->write(a->value);
    else
        wrmsr(a->msr, a->value);
}

static struct found read_one(const struct row *row, u32 msr)
{
    struct access a = {.row = row, .msr = msr};
    int vector = guest_probe(do_read, &a);

    return (struct found){vector, vector < 0 ? a.value : 0};
}

static bool write_one(const struct row *row, u32 msr, u64 value)
{
    struct access a = {.row = row, .msr = msr, .value = value};

    return guest_probe(do_write, &a) < 0;
}

/* --- all of a vCPU --------------------------------------------------------------------------------------- */

struct image {
    u64 cr4; /* with every bit that can be set */
    struct found row[ARRAY_SIZE(rows)];
    u8 fx[FX_BYTES] ALIGNED(16);
    u32 nr_msrs;
    struct {
        u32 msr;
        u64 value;
    } msr[MSRS_FOUND];
};

static void write_any(void *arg)
{
    write_cr4(*(u64 *)arg);
}

/* Sets all bits of CR4 that the CPU takes, but those that change how addresses are translated. */
static u64 open_cr4(void)
{
    u64 cr4, more;

    for (u32 bit = 0; bit < 64; bit++) {
        if (bit == 12 || bit == 17) /* LA57 (refused in long mode), PCIDE */
            continue;
        read_cr4(&cr4);
        more = cr4 | 1ull << bit;
        guest_probe(write_any, &more);
    }
    read_cr4(&cr4);
    return cr4;
}

static void look(struct image *image)
{
    memset(image, 0, sizeof(*image));
    image->cr4 = open_cr4();
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
        image->row[i] = read_one(&rows[i], 0);
    __asm__ volatile("fxsave64 %0" : "=m"(image->fx));
    for (u32 r = 0; r < ARRAY_SIZE(msr_ranges); r++)
        for (u32 msr = msr_ranges[r].first; msr <= msr_ranges[r].last; msr++) {
            struct found f = left_alone(msr) ? (struct found){.vector = 0} : read_one(NULL, msr);
            if (f.vector < 0 && image->nr_msrs < MSRS_FOUND) {
                image->msr[image->nr_msrs].msr = msr;
                image->msr[image->nr_msrs++].value = f.value;
            }
        }
}

static u64 marker(u64 seed, u32 nr)
{
    u64 state = seed << 32 | nr | 1ull << 63;

    random_next(&state);
    return random_next(&state);
}

static u32 soil(u64 seed)
{
    static u8 fx[FX_BYTES] ALIGNED(16);
    u32 taken = 0;

    open_cr4();
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        struct found now = read_one(&rows[i], 0);
        u64 value = (marker(seed, i) & ~rows[i].keep) | (now.value & rows[i].keep);
        taken += rows[i].write && write_one(&rows[i], 0, value);
    }
    for (u32 r = 0; r < ARRAY_SIZE(msr_ranges); r++)
        for (u32 msr = msr_ranges[r].first; msr <= msr_ranges[r].last; msr++)
            taken += !left_alone(msr) && write_one(NULL, msr, msr_value(msr, marker(seed, msr)));
    /* A denormal operand in each x87 register, an opcode and pointers, a mask and rounding of its own. */
    for (u32 i = 0; i < FX_WORDS; i++) {
        u64 value = marker(seed, 1000 + i);
        memcpy(fx + 8 * i, &value, 8);
    }
    const u16 fcw = 0x77f, fsw = 0;
    const u32 mxcsr = 0x5f80 | ((u32)seed & 1 ? 0x2000 : 0);
    memcpy(fx, &fcw, 2);
    memcpy(fx + 2, &fsw, 2);
    fx[4] = 0xff;
    memcpy(fx + 24, &mxcsr, 4);
    for (u32 i = 0; i < 8; i++)
        memset(fx + 32 + 16 * i + 10, 0, 6);
    __asm__ volatile("fxrstor64 %0" : : "m"(fx));
    return taken;
}

static u64 digest(const void *data, size_t len)
{
    const u8 *byte = data;
    u64 sum = 0xcbf29ce484222325ull;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ byte[i]) * 0x100000001b3ull;
    return sum;
}

static void print_image(const char *who, const struct image *image)
{
    u64 verbose = guest_option_number("verbose", 0);

    printf("soil: %s: cr4=%lx fx=%lx msrs=%u/%lx\n", who, image->cr4, digest(image->fx, 8 * FX_WORDS),
           image->nr_msrs, digest(image->msr, image->nr_msrs * sizeof(image->msr[0])));
    printf("soil: %s:", who);
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct found *f = &image->row[i];
        printf(f->vector < 0 ? " %s=%lx" : " %s=#%lu", rows[i].name,
               f->vector < 0 ? f->value : (u64)f->vector);
        if (i == 9)
            printf("\nsoil: %s:", who);
    }
    printf("\n");
    for (u32 i = 0; verbose && i < image->nr_msrs; i++)
        printf("soil: %s: msr %x=%lx\n", who, image->msr[i].msr, image->msr[i].value);
}

/* --- two vCPUs -------------------------------------------------------------------------------------------- */

static struct image mine, other, again;
static volatile u32 step; /* the second vCPU has done this much */
static volatile bool over;
static bool soils;
static u32 taken_by_other;
static volatile u32 lost; /* rows in which a vCPU did not find its own value again */

static void yield(void)
{
    hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
}

/* What runs by itself, or is the same for all, is not counted. */
static void compare(const char *who, const struct image *before, const struct image *now)
{
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
        if (before->row[i].vector != now->row[i].vector || before->row[i].value != now->row[i].value) {
            printf("soil: %s: %s was %lx, is %lx\n", who, rows[i].name, before->row[i].value,
                   now->row[i].value);
            lost++;
        }
    if (memcmp(before->fx, now->fx, 8 * FX_WORDS)) {
        printf("soil: %s: x87 and SSE differ\n", who);
        lost++;
    }
    for (u32 i = 0; i < before->nr_msrs && i < now->nr_msrs; i++)
        if (before->msr[i].msr != now->msr[i].msr || before->msr[i].value != now->msr[i].value) {
            printf("soil: %s: msr %x was %lx, is %lx\n", who, before->msr[i].msr, before->msr[i].value,
                   now->msr[i].value);
            lost++;
        }
}

static void second(u32 id)
{
    (void)id;
    if (soils)
        taken_by_other = soil(2);
    look(&other);
    step = 1;
    while (!over)
        yield();
    if (soils) {
        look(&again);
        compare("vcpu 1", &other, &again);
    }
    step = 2;
    for (;;)
        __asm__ volatile("cli; hlt");
}

static bool first_step(void)
{
    return step >= 1;
}

static bool second_step(void)
{
    return step >= 2;
}

bool attack_soil(void)
{
    char what[8];
    u32 taken = 0;

    soils = guest_option("do", what, sizeof(what)) && !strcmp(what, "soil");
    smp_body = second;
    smp_init();
    if (soils)
        taken = soil(1);
    look(&mine);
    smp_start(1);
    if (!smp_wait(first_step, 60000))
        return false;
    for (u32 turn = 0; soils && turn < TURNS; turn++) {
        u64 end = guest_now_ms() + TURN_MS;
        while (guest_now_ms() < end)
            __builtin_ia32_pause();
        yield();
    }
    if (soils) {
        look(&again);
        compare("vcpu 0", &mine, &again);
    }
    over = true;
    if (!smp_wait(second_step, 60000))
        return false;
    print_image("vcpu 0", &mine);
    print_image("vcpu 1", &other);
    printf("soil: %u and %u registers written, %u of them lost\n", taken, taken_by_other, lost);
    return !lost;
}
