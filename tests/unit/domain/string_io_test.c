/*
 * INS and OUTS by whole exits: single forms, then random ones against a model that goes element by element and knows the
 * guest's pages from a list.
 * lint: long: both need the same guest.
 */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/traps.h>
#include <domain/exit.h>

#define CODE       0x10000u  /* where the instruction is, and the guest's stack of nothing else */
#define TABLES     0x11000u  /* five page tables */
#define DATA       0x18000u  /* DATA_PAGES of RAM */
#define HOLE       0x30000u  /* nothing is mapped there */
#define LINEAR     0x400000u /* PAGES of the guest's addresses that may be mapped */
#define PAGES      8u
#define DATA_PAGES 4u
#define CONSOLE    0xe9u

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40 };

static struct domain *d;
static struct vcpu *v;
static struct hvm_regs *regs;
static struct hvm_state state;
static u8 written[8192]; /* to the console */
static u32 nr_written;

/* The product's is tested in guest_console_test.c. */
void guest_console_write(struct domain *to, u8 byte)
{
    assert_true(to == d && locks_held() == 0);
    assert_true(nr_written < sizeof(written));
    written[nr_written++] = byte;
}

static void set_entry(u32 table, u64 index, u64 entry)
{
    assert_int_equal(physmap_write(d, TABLES + table * PAGE_SIZE + index * 8, &entry, 8), 0);
}

static u64 get_entry(u32 table, u64 index)
{
    u64 entry = 0;

    assert_int_equal(guest_memory_read(d, TABLES + table * PAGE_SIZE + index * 8, &entry, 8), 0);
    return entry;
}

static void set_state(void)
{
    hvm_ops->set_state(&v->hvm, &state);
    guest_paging =
        (struct hvm_paging){.cr0 = state.cr0, .cr3 = state.cr3, .cr4 = state.cr4, .efer = state.efer};
}

/* Four levels: [0, 2 MiB) is itself, for the kernel; LINEAR is what the test says. */
static void map_tables(void)
{
    set_entry(0, 0, (TABLES + 0x1000) | P | W | U);
    set_entry(1, 0, (TABLES + 0x2000) | P | W | U);
    set_entry(2, 0, (TABLES + 0x3000) | P | W | U);
    set_entry(2, LINEAR >> 21, (TABLES + 0x4000) | P | W | U);
    set_entry(3, CODE >> 12, CODE | P | W);
    for (u32 i = 0; i < PAGES; i++)
        set_entry(4, i, 0);
}

static void setup(void)
{
    static const u8 zeros[PAGE_SIZE];

    d = domain_get(1);
    domain_put(d);
    v = d->vcpu[0];
    vcpu_online(v);
    vcpu_block(caller);
    for (u64 at = CODE; at < DATA + DATA_PAGES * PAGE_SIZE; at += PAGE_SIZE) {
        populate(d, at >> PAGE_SHIFT, 0);
        assert_int_equal(physmap_write(d, at, zeros, PAGE_SIZE), 0);
    }
    map_tables();
    regs = &v->hvm.regs;
    *regs = (struct hvm_regs){.rip = CODE};
    state = (struct hvm_state){
        .cr0 = CR0_PE | CR0_PG | CR0_WP, .cr3 = TABLES, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA};
    state.cs = (struct hvm_segment){.attributes = 0x29b, .limit = ~0u};
    state.ds = state.es = state.ss = state.fs = state.gs =
        (struct hvm_segment){.attributes = 0xc93, .limit = ~0u};
    set_state();
    guest_64 = true;
    nr_written = 0;
}

FIXTURE(setup, NULL)
#define IO_TEST(name) TEST(name, .domains = 2)

static struct hvm_exit io_exit(u16 port, u8 size, bool in)
{
    return (struct hvm_exit){.kind = HVM_EXIT_IO,
                             .io = {.port = port, .size = size, .in = in, .string = true}};
}

/* Once. */
static void exits(u16 port, u8 size, bool in)
{
    struct hvm_exit exit = io_exit(port, size, in);

    skipped = nr_injected = 0;
    here->current = v;
    vcpu_handle_exit(v, &exit);
    here->current = NULL;
}

/* Until it is done, or raises something. How many exits. */
static u32 runs(u16 port, u8 size, bool in)
{
    u32 nr = 0;

    do
        exits(port, size, in);
    while (!skipped && !nr_injected && ++nr < 100000);
    return nr + 1;
}

#define CODE_IS(...) \
    do { \
        static const u8 code_[] = {__VA_ARGS__}; \
        assert_int_equal(physmap_write(d, CODE, code_, sizeof(code_)), 0); \
        regs->rip = CODE; \
    } while (0)

static void data_is(u32 offset, const char *text)
{
    assert_int_equal(physmap_write(d, DATA + offset, text, strlen(text)), 0);
}

static void page_is(u32 page, u64 gaddr, u64 flags)
{
    set_entry(4, page, gaddr | flags);
}

IO_TEST(rep_outsb_prints)
{
    page_is(0, DATA, P);
    page_is(1, DATA + PAGE_SIZE, P);
    data_is(0xffa, "hello, world\n");
    CODE_IS(0xf3, 0x6e);
    regs->rsi = LINEAR + 0xffa;
    regs->rcx = 13;
    assert_int_equal(runs(CONSOLE, 1, false), 2); /* a page each */
    assert_int_equal(skipped, 2);
    assert_int_equal(nr_injected, 0);
    assert_int_equal(nr_written, 13);
    assert_memory_equal(written, "hello, world\n", 13);
    assert_int_equal(regs->rsi, LINEAR + 0x1007);
    assert_int_equal(regs->rcx, 0);
    assert_int_equal(get_entry(4, 0), DATA | P | A);
    assert_int_equal(get_entry(0, 0) & A, A);
}

IO_TEST(without_rep_one_element)
{
    page_is(0, DATA, P);
    data_is(0, "ab");
    CODE_IS(0x6e);
    regs->rsi = LINEAR;
    regs->rcx = 7;
    assert_int_equal(runs(CONSOLE, 1, false), 1);
    assert_int_equal(skipped, 1);
    assert_int_equal(regs->rcx, 7);
    assert_int_equal(regs->rsi, LINEAR + 1);
    regs->rflags |= RFLAGS_DF;
    regs->rip = CODE;
    runs(CONSOLE, 1, false);
    assert_int_equal(regs->rsi, LINEAR);
    assert_int_equal(nr_written, 2);
    assert_memory_equal(written, "ab", 2);
}

IO_TEST(a_count_of_zero_does_nothing)
{
    CODE_IS(0xf3, 0x6e);
    regs->rsi = 0x1000;
    assert_int_equal(runs(CONSOLE, 1, false), 1);
    assert_int_equal(skipped, 2);
    CODE_IS(0xf3, 0x67, 0x6d); /* the low half counts */
    regs->rcx = BIT(32);
    assert_int_equal(runs(0x60, 4, true), 1);
    assert_int_equal(skipped, 3);
    assert_int_equal(nr_written, 0);
}

IO_TEST(ins_gives_ones_and_marks_pages_dirty)
{
    u64 value = 0;

    page_is(0, DATA, P | W);
    page_is(1, DATA + 2 * PAGE_SIZE, P | W);
    CODE_IS(0xf3, 0x6d);
    regs->rdi = LINEAR + 0xff6;
    regs->rcx = 3; /* the last crosses the pages */
    assert_int_equal(runs(0x60, 4, true), 2);
    assert_int_equal(regs->rdi, LINEAR + 0x1002);
    assert_int_equal(guest_memory_read(d, DATA + 0xff4, &value, 8), 0);
    assert_int_equal(value, 0xffffffffffff0000);
    assert_int_equal(guest_memory_read(d, DATA + 2 * PAGE_SIZE, &value, 8), 0);
    assert_int_equal(value, 0xffff);
    assert_int_equal(get_entry(4, 0), DATA | P | W | A | D);
    assert_int_equal(get_entry(4, 1), (DATA + 2 * PAGE_SIZE) | P | W | A | D);
    assert_int_equal(get_entry(2, LINEAR >> 21) & (A | D), A);
}

IO_TEST(memory_that_is_not_there_gives_ones)
{
    page_is(0, HOLE, P | W);
    CODE_IS(0xf3, 0x6e);
    regs->rsi = LINEAR;
    regs->rcx = 3;
    runs(CONSOLE, 1, false);
    assert_memory_equal(written, "\xff\xff\xff", 3);
    CODE_IS(0x6c);
    regs->rdi = LINEAR;
    runs(CONSOLE, 1, true);
    assert_int_equal(skipped, 1);
}

/* Bounded work in an exit, whatever the count is. */
IO_TEST(a_huge_count_leaves_the_guest_often)
{
    page_is(0, DATA, P | W);
    CODE_IS(0xf3, 0x6e);
    regs->rsi = LINEAR;
    regs->rcx = ~0ull;
    exits(CONSOLE, 1, false);
    assert_int_equal(skipped + nr_injected, 0);
    assert_int_equal(regs->rip, CODE);
    assert_in_range(nr_written, 1, 256);
    assert_int_equal(regs->rcx, ~0ull - nr_written);
    CODE_IS(0xf3, 0x6c);
    regs->rdi = LINEAR;
    exits(0x60, 1, true);
    assert_int_equal(regs->rdi, LINEAR + PAGE_SIZE);
    exits(0x60, 1, true);
    assert_int_equal(nr_injected, 1);
    assert_int_equal(injected_vector, TRAP_PF);
    assert_int_equal(injected_error, 2);
    hvm_ops->get_state(&v->hvm, &state);
    assert_int_equal(state.cr2, LINEAR + PAGE_SIZE);
    assert_int_equal(regs->rip, CODE);
}

IO_TEST(a_single_step_traps_after_each_element)
{
    page_is(0, DATA, P);
    data_is(0, "xyz");
    CODE_IS(0xf3, 0x6e);
    regs->rsi = LINEAR;
    regs->rcx = 2;
    regs->rflags = RFLAGS_TF;
    exits(CONSOLE, 1, false);
    assert_int_equal(injected_vector, TRAP_DB);
    assert_int_equal(nr_injected, 1);
    assert_int_equal(skipped, 0);
    assert_int_equal(regs->rcx, 1);
    exits(CONSOLE, 1, false);
    assert_int_equal(nr_injected, 1);
    assert_int_equal(skipped, 2);
    assert_int_equal(nr_written, 2);
}

/* Another vCPU has changed the code: no port is accessed that the CPU has not checked. */
IO_TEST(changed_code_is_executed_again)
{
    page_is(0, DATA, P | W);
    regs->rsi = regs->rdi = LINEAR;
    CODE_IS(0x90);
    exits(CONSOLE, 1, false);
    CODE_IS(0x6c);
    exits(CONSOLE, 1, false);
    CODE_IS(0x6f);
    exits(CONSOLE, 1, false);
    regs->rip = HOLE;
    exits(CONSOLE, 1, false);
    assert_int_equal(skipped + nr_injected + nr_written, 0);
    assert_int_equal(regs->rsi, LINEAR);
}

static void raises(u16 port, u8 size, bool in, u8 vector, s64 error)
{
    struct hvm_regs before = *regs;

    exits(port, size, in);
    before.rflags |= RFLAGS_RF;
    assert_int_equal(nr_injected, 1);
    assert_int_equal(injected_vector, vector);
    assert_int_equal(injected_error, error);
    assert_memory_equal(regs, &before, sizeof(before));
    assert_int_equal(nr_written, 0);
}

IO_TEST(segments_are_checked)
{
    guest_64 = false;
    state.cs.attributes = 0xc9b;
    page_is(0, DATA, P | W);
    regs->rsi = regs->rdi = LINEAR;
    CODE_IS(0x6e);
    static const struct {
        u16 attributes;
        u32 limit, offset;
        bool code, out, in;
    } rows[] = {
        {0xc93, ~0u, LINEAR, false, true, true},
        {0xc91, ~0u, LINEAR, false, true, false},  /* read-only */
        {0xc9b, ~0u, LINEAR, false, true, false},  /* code */
        {0xc99, ~0u, LINEAR, false, false, false}, /* execute-only */
        {0xc13, ~0u, LINEAR, false, false, false}, /* not present */
        {0xc93, LINEAR, LINEAR, false, true, true},
        {0xc93, LINEAR - 1, LINEAR, false, false, false},
        {0xc97, LINEAR - 1, LINEAR, false, true, true},
        {0xc97, LINEAR, LINEAR, false, false, false},
        {0x897, LINEAR - 1, LINEAR, false, false, false}, /* expands down from 64 KiB */
    };
    for_each_row (i, rows) {
        state.ds = state.ss = state.es =
            (struct hvm_segment){.attributes = rows[i].attributes, .limit = rows[i].limit};
        set_state();
        CODE_IS(0x6e);
        regs->rsi = rows[i].offset;
        if (rows[i].out) {
            exits(CONSOLE, 1, false);
            assert_int_equal(skipped, 1);
        } else {
            nr_written = 0;
            raises(CONSOLE, 1, false, TRAP_GP, 0);
            CODE_IS(0x36, 0x6e);
            raises(CONSOLE, 1, false, TRAP_SS, 0);
        }
        nr_written = 0;
        CODE_IS(0x6c);
        regs->rdi = rows[i].offset;
        if (rows[i].in) {
            exits(CONSOLE, 1, true);
            assert_int_equal(skipped, 1);
        } else {
            raises(CONSOLE, 1, true, TRAP_GP, 0);
        }
    }
}

IO_TEST(addresses_are_canonical)
{
    CODE_IS(0x6f);
    regs->rsi = 0x800000000000;
    raises(CONSOLE, 4, false, TRAP_GP, 0);
    regs->rsi = 0x7ffffffffffe; /* its last byte */
    raises(CONSOLE, 4, false, TRAP_GP, 0);
    regs->rsi = 0xffff7fffffffffff;
    raises(CONSOLE, 4, false, TRAP_GP, 0);
    regs->rsi = 0xffff800000000000;
    raises(CONSOLE, 4, false, TRAP_PF, 0);
    state.cr4 |= CR4_LA57;
    set_state();
    regs->rsi = 0x800000000000;
    exits(CONSOLE, 4, false);
    assert_int_equal(skipped + nr_injected, 0); /* with other tables there is no code */
    state.cr4 &= ~CR4_LA57;
    state.fs.base = 0x7fffffffffff;
    set_state();
    CODE_IS(0x64, 0x6e);
    regs->rsi = 1;
    raises(CONSOLE, 1, false, TRAP_GP, 0);
}

IO_TEST(rights_of_pages)
{
    static const struct {
        u64 entry, more_cr0, more_cr4, rflags;
        u32 cpl;
        bool in;
        int error; /* below 0: none */
    } rows[] = {
        {0, CR0_WP, 0, 0, 0, false, 0},
        {0, CR0_WP, 0, 0, 3, true, 6},
        {P, CR0_WP, 0, 0, 0, false, -1},
        {P, CR0_WP, 0, 0, 3, false, 5},
        {P, CR0_WP, 0, 0, 0, true, 3},
        {P, 0, 0, 0, 0, true, -1},
        {P | U, 0, 0, 0, 3, true, 7},
        {P | U, CR0_WP, 0, 0, 3, false, -1},
        {P | U | W, CR0_WP, CR4_SMAP, 0, 0, true, 3},
        {P | U | W, CR0_WP, CR4_SMAP, RFLAGS_AC, 0, true, -1},
        {P | U | W, CR0_WP, CR4_SMAP, 0, 3, true, -1},
        {P | W, CR0_WP, CR4_SMAP, 0, 0, true, -1},
    };

    regs->rsi = regs->rdi = LINEAR + 5;
    for_each_row (i, rows) {
        state.cr0 = CR0_PE | CR0_PG | rows[i].more_cr0;
        state.cr4 = CR4_PAE | rows[i].more_cr4;
        set_state();
        regs->rflags = rows[i].rflags;
        guest_cpl = rows[i].cpl;
        page_is(0, DATA, rows[i].entry);
        if (rows[i].in)
            CODE_IS(0x6c);
        else
            CODE_IS(0x6e);
        nr_written = 0;
        if (rows[i].error < 0) {
            regs->rsi = regs->rdi = LINEAR + 5;
            exits(CONSOLE, 1, rows[i].in);
            assert_int_equal(skipped, 1);
            continue;
        }
        regs->rsi = regs->rdi = LINEAR + 5;
        raises(CONSOLE, 1, rows[i].in, TRAP_PF, rows[i].error);
        hvm_ops->get_state(&v->hvm, &state);
        assert_int_equal(state.cr2, LINEAR + 5);
    }
}

IO_TEST(misaligned_in_user_mode)
{
    state.cr0 |= CR0_AM;
    set_state();
    guest_cpl = 3;
    page_is(0, DATA, P | W | U);
    regs->rflags = RFLAGS_AC;
    regs->rsi = LINEAR + 2;
    CODE_IS(0x6f);
    raises(0x60, 4, false, TRAP_AC, 0);
    CODE_IS(0x66, 0x6f);
    exits(0x60, 2, false);
    assert_int_equal(skipped, 2);
}

/* --- the model ------------------------------------------------------------------------------------------ */

static struct rng rng;
static struct {
    u32 page; /* of DATA; DATA_PAGES: nothing is there */
    bool present, writable;
} model_pages[PAGES];
static u8 model_data[DATA_PAGES * PAGE_SIZE];
static u8 model_text[8192];
static u32 nr_model_text;

struct form {
    u32 bits, bytes, address_bytes;
    bool in, repeat, down, console;
    u64 base, limit;
};

/* 0; or the vector, with *cr2 and *error. */
static int model_byte(const struct form *f, u64 address, u8 **at, u64 *cr2, s64 *error)
{
    static u8 nothing;

    if (f->bits != 64)
        address = (u32)address;
    bool inside = address >= LINEAR && address < LINEAR + PAGES * PAGE_SIZE;
    u32 page = inside ? (u32)((address - LINEAR) / PAGE_SIZE) : 0;
    if (!inside || !model_pages[page].present || (f->in && !model_pages[page].writable)) {
        *cr2 = address;
        *error = (f->in ? 2 : 0) | (inside && model_pages[page].present ? 1 : 0);
        return TRAP_PF;
    }
    nothing = 0xff;
    *at = model_pages[page].page == DATA_PAGES
              ? &nothing
              : model_data + model_pages[page].page * PAGE_SIZE + address % PAGE_SIZE;
    return 0;
}

static u64 cut(u64 value, u32 bytes)
{
    return bytes == 8 ? value : value & (BIT(8 * bytes) - 1);
}

static void model_set(u64 *reg, u32 bytes, u64 value)
{
    *reg = bytes == 2 ? (*reg & ~0xffffull) | (value & 0xffff) : cut(value, bytes);
}

/* 0: done. */
static int model_run(const struct form *f, struct hvm_regs *r, u64 *cr2, s64 *error)
{
    u64 *pointer = f->in ? &r->rdi : &r->rsi;

    while (!f->repeat || cut(r->rcx, f->address_bytes)) {
        u64 offset = cut(*pointer, f->address_bytes);
        u8 *bytes[4];

        *error = 0;
        if (f->bits != 64 && offset + f->bytes - 1 > f->limit)
            return TRAP_GP;
        for (u32 i = 0; i < f->bytes; i++) {
            int vector = model_byte(f, f->base + offset + i, &bytes[i], cr2, error);

            if (vector)
                return vector;
        }
        for (u32 i = 0; i < f->bytes; i++) {
            if (f->in)
                *bytes[i] = 0xff;
            else if (f->console)
                model_text[nr_model_text++] = *bytes[i];
        }
        model_set(pointer, f->address_bytes, f->down ? *pointer - f->bytes : *pointer + f->bytes);
        if (!f->repeat)
            break;
        model_set(&r->rcx, f->address_bytes, r->rcx - 1);
    }
    return 0;
}

static void random_pages(void)
{
    for (u32 i = 0; i < PAGES; i++) {
        model_pages[i].page = rng_draw(&rng, DATA_PAGES + 1);
        model_pages[i].present = rng_draw(&rng, 8);
        model_pages[i].writable = rng_draw(&rng, 8);
        u64 at = model_pages[i].page == DATA_PAGES ? HOLE : DATA + model_pages[i].page * PAGE_SIZE;
        page_is(i, at, (model_pages[i].present ? P : 0) | (model_pages[i].writable ? W : 0));
    }
    for (u32 i = 0; i < sizeof(model_data); i++)
        model_data[i] = (u8)rng_draw(&rng, 256);
    assert_int_equal(physmap_write(d, DATA, model_data, sizeof(model_data)), 0);
}

/* A form, its code, the state and the registers. */
static struct form random_form(void)
{
    struct form f = {.bits = 16u << rng_draw(&rng, 3),
                     .bytes = 1u << rng_draw(&rng, 3),
                     .in = rng_draw(&rng, 2),
                     .repeat = rng_draw(&rng, 4),
                     .down = rng_draw(&rng, 2),
                     .limit = 0xffffffff};
    u8 code[8], nr = 0;
    bool other = rng_draw(&rng, 2);

    f.console = !f.in && f.bytes == 1 && rng_draw(&rng, 2);
    f.address_bytes = other ? (f.bits == 32 ? 2 : 4) : f.bits / 8;
    if (f.bits != 64)
        f.base = LINEAR - (f.address_bytes == 2 ? rng_draw(&rng, 0x8000) : rng_draw(&rng, 3) ? 0 : 0x1234567);
    if (f.bits != 64 && !rng_draw(&rng, 3))
        f.limit = rng_draw(&rng, 0x10000);
    if (other)
        code[nr++] = 0x67;
    if (f.repeat)
        code[nr++] = (u8)(0xf2 + rng_draw(&rng, 2));
    if (f.bytes > 1 && (f.bytes == 2) == (f.bits != 16))
        code[nr++] = 0x66;
    if (f.bits == 64 && f.bytes == 4 && rng_draw(&rng, 2))
        code[nr++] = 0x48; /* REX.W does not make them longer */
    code[nr++] = (u8)((f.in ? 0x6c : 0x6e) + (f.bytes > 1));
    assert_int_equal(physmap_write(d, CODE, code, nr), 0);

    guest_64 = f.bits == 64;
    state.cs.attributes = f.bits == 64 ? 0x29b : f.bits == 32 ? 0x49b : 0x9b;
    state.ds = state.es = (struct hvm_segment){.attributes = 0x493, .limit = (u32)f.limit, .base = f.base};
    set_state();

    u64 high = rng_draw(&rng, 2) ? 0 : (u64)rng_draw(&rng, ~0u) << 32; /* what a short address leaves */
    u64 offset = LINEAR + rng_draw(&rng, PAGES) * PAGE_SIZE +
                 (rng_draw(&rng, 2) ? rng_draw(&rng, PAGE_SIZE) : 0) - rng_draw(&rng, 8) - (u32)f.base;
    u64 mask = f.address_bytes == 8 ? ~0ull : BIT(8 * f.address_bytes) - 1;
    u64 count = rng_draw(&rng, 4) ? rng_draw(&rng, 40) : rng_draw(&rng, 6000);
    *regs = (struct hvm_regs){.rip = CODE, .rflags = f.down ? RFLAGS_DF : 0};
    regs->rsi = regs->rdi = (offset & mask) | (high & ~mask);
    regs->rcx = count | (high & ~mask);
    return f;
}

IO_TEST(random_forms_do_what_a_loop_does)
{
    u32 nr_faults = 0, nr_done = 0;

    rng_seed(&rng, 13);
    for (test_row = 0; test_row < 20000; test_row++) {
        u8 data[sizeof(model_data)];
        u64 cr2 = 0;
        s64 error = 0;

        random_pages();
        nr_written = nr_model_text = 0;
        struct form f = random_form();
        struct hvm_regs want = *regs;
        int vector = model_run(&f, &want, &cr2, &error);
        runs(f.console ? CONSOLE : 0x3f8, (u8)f.bytes, f.in);
        assert_int_equal(nr_injected, vector ? 1 : 0);
        assert_int_equal(skipped != 0, !vector);
        if (vector) {
            hvm_ops->get_state(&v->hvm, &state);
            assert_int_equal(injected_vector, vector);
            assert_int_equal(injected_error, error);
            if (vector == TRAP_PF)
                assert_int_equal(state.cr2, cr2);
            want.rflags |= RFLAGS_RF;
            nr_faults++;
        } else {
            want.rip += skipped;
            nr_done++;
        }
        assert_memory_equal(regs, &want, sizeof(want));
        assert_int_equal(nr_written, nr_model_text);
        assert_memory_equal(written, model_text, nr_written);
        assert_int_equal(guest_memory_read(d, DATA, data, sizeof(data)), 0);
        assert_memory_equal(data, model_data, sizeof(data));
    }
    test_row = -1;
    assert_in_range(nr_faults, 2000, 18000);
    assert_in_range(nr_done, 2000, 18000);
}
