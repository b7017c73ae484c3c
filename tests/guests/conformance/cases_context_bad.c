/* sethvmcontext: incomplete streams, records of the wrong size, values that no CPU accepts. */
#include <tests/guests/conformance/cases_context.h>
#include <lib/printf.h>
#include <lib/string.h>

#define CALL "domctl.sethvmcontext"

/* The header at the start of the stream, to be changed. */
static struct hvm_save_header *header(void)
{
    return (struct hvm_save_header *)(void *)(stream.bytes + sizeof(struct hvm_save_descriptor));
}

static struct hvm_save_descriptor *header_head(void)
{
    return (struct hvm_save_descriptor *)(void *)stream.bytes;
}

static void good_stream(void)
{
    struct hvm_hw_cpu cpu = cpu_good();

    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 0, &cpu, sizeof(cpu));
    stream_end();
}

/* Sets a valid stream that the statements have changed. */
#define SPOILT(name, ...) \
    do { \
        good_stream(); \
        __VA_ARGS__; \
        CASE(CALL, name, stream_set()); \
    } while (0)

static void headers(void)
{
    struct hvm_hw_cpu cpu = cpu_good();

    SPOILT("good", (void)0);
    stream_clear();
    stream_add(HVM_SAVE_CODE(CPU), 0, &cpu, sizeof(cpu));
    stream_end();
    CASE(CALL, "header_missing", stream_set());
    stream_clear();
    stream_end();
    CASE(CALL, "only_end", stream_set());
    SPOILT("magic_0", header()->magic = 0);
    SPOILT("magic_off_by_one", header()->magic++);
    SPOILT("version_0", header()->version = 0);
    SPOILT("version_2", header()->version = 2);
    SPOILT("magic_and_version", header()->magic = 0, header()->version = 2);
    SPOILT("changeset_0", header()->changeset = 0);
    SPOILT("other_cpu", header()->cpuid ^= 0xff0);
    SPOILT("header_instance_1", header_head()->instance = 1);
    SPOILT("header_length_0", header_head()->length = 0);
    SPOILT("header_length_23", header_head()->length = 23);
    SPOILT("header_length_25", header_head()->length = 25);
    SPOILT("header_length_all_ones", header_head()->length = ~0u);
    SPOILT("magic_0_and_header_length_23", header()->magic = 0, header_head()->length = 23);
    stream_begin();
    stream_add(HVM_SAVE_CODE(HEADER), 0, stream.bytes + 8, 24);
    stream_end();
    CASE(CALL, "two_headers", stream_set());
}

static long set_size(u32 domid, const void *buffer, u32 size)
{
    return xc_domain_hvm_setcontext(xch, domid, (u8 *)buffer, size);
}

/* Truncated at every boundary. */
static void cut_off(void)
{
    static const u32 sizes[] = {0, 1, 7, 8, 9, 31, 32, 33, 39, 40, 41, 1071, 1072, 1073, 1079};
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
        snprintf(name, sizeof(name), "cut_off_at_%u", sizes[i]);
        SPOILT(name, stream.len = sizes[i]);
    }
    SPOILT("cut_off_nowhere", stream.len = 1080);
    SPOILT("garbage_behind_end", stream_add(0xffff, 0, NULL, 100));
    SPOILT("bytes_behind_end", stream.len += 3);
    good_stream();
    stream.len -= 8;
    stream_add(HVM_SAVE_CODE(END), 7, NULL, 8);
    CASE(CALL, "end_with_instance_and_length", stream_set());
    good_stream();
    stream.len -= 8;
    stream_add(HVM_SAVE_CODE(END), 0, NULL, 0);
    ((struct hvm_save_descriptor *)(void *)(stream.bytes + stream.len - 8))->length = ~0u;
    CASE(CALL, "end_with_length_all_ones", stream_set());
}

static void buffers(u32 domid)
{
    good_stream();
    u8 *edge = edge_ptr(stream.len);
    memcpy(edge, stream.bytes, stream.len);
    CASE(CALL, "fits_to_the_edge", set_size(domid, edge, stream.len));
    CASE(CALL, "one_byte_over_the_edge", set_size(domid, edge, stream.len + 1));
    CASE(CALL, "null_size_0", set_size(domid, NULL, 0));
    CASE(CALL, "not_mapped", set_size(domid, bad_ptr(), 1080));
    CASE(CALL, "not_mapped_size_0", set_size(domid, bad_ptr(), 0));
    CASE(CALL, "size_bit_31", set_size(domid, bad_ptr(), 1u << 31));
    CASE(CALL, "size_all_ones", set_size(domid, bad_ptr(), ~0u));
}

/* A CPU record of another length in a complete stream. */
static void cpu_length(const char *name, u32 length)
{
    struct {
        struct hvm_hw_cpu cpu;
        u8 more[64];
    } body = {.cpu = cpu_good()};

    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 0, &body, length);
    stream_end();
    CASE(CALL, name, stream_set());
}

/* A CPU record whose length exceeds the rest of the stream. */
static void cpu_says(const char *name, u32 length)
{
    good_stream();
    ((struct hvm_save_descriptor *)(void *)(stream.bytes + 32))->length = length;
    CASE(CALL, name, stream_set());
}

static void lengths(void)
{
    cpu_length("cpu_length_0", 0);
    cpu_length("cpu_length_512", 512);
    cpu_length("cpu_length_1016", 1016);
    cpu_length("cpu_length_1024", 1024);
    cpu_length("cpu_length_1031", 1031);
    cpu_length("cpu_length_1033", 1033);
    cpu_length("cpu_length_1040", 1040);
    cpu_says("cpu_says_just_all", 1040);
    cpu_says("cpu_says_one_more", 1041);
    cpu_says("cpu_says_bit_31", 1u << 31);
    cpu_says("cpu_says_all_ones", ~0u);
    cpu_says("cpu_says_wraps", ~0u - 39);
}

static void one_more(const char *name, u16 typecode, u16 instance, u32 length)
{
    good_stream();
    stream.len -= 8;
    stream_add(typecode, instance, NULL, length);
    stream_end();
    CASE(CALL, name, stream_set());
}

static void types(void)
{
    one_more("type_21", 21, 0, 8);
    one_more("type_22", 22, 0, 0);
    one_more("type_100", 100, 0, 8);
    one_more("type_0x8000", 0x8000, 0, 8);
    one_more("type_0xffff", 0xffff, 0, 8);
    one_more("type_0x102", 0x102, 0, 1032);
    one_more("mtrr_length_8", HVM_SAVE_CODE(MTRR), 0, 8);
    one_more("mtrr_length_241", HVM_SAVE_CODE(MTRR), 0, 241);
    one_more("mtrr_vcpu_2", HVM_SAVE_CODE(MTRR), 2, 240);
    one_more("lapic_vcpu_2", HVM_SAVE_CODE(LAPIC), 2, 24);
    one_more("lapic_regs_vcpu_2", HVM_SAVE_CODE(LAPIC_REGS), 2, 1024);
    one_more("tsc_adjust_vcpu_2", HVM_SAVE_CODE(TSC_ADJUST), 2, 8);
    one_more("tsc_adjust", HVM_SAVE_CODE(TSC_ADJUST), 0, 8);
    one_more("cpu_vcpu_2", HVM_SAVE_CODE(CPU), 2, 1032);
    one_more("cpu_vcpu_128", HVM_SAVE_CODE(CPU), 128, 1032);
    one_more("cpu_vcpu_0xffff", HVM_SAVE_CODE(CPU), 0xffff, 1032);
    one_more("cpu_vcpu_1_all_0", HVM_SAVE_CODE(CPU), 1, 1032);
}

/* Who is online, and where vCPU 0 stands. */
static void state_case(const char *name, u32 domid, long rc)
{
    xc_domaininfo_t info = {0};
    struct hvm_hw_cpu cpu = {0};

    case_begin();
    domain_info(domid, &info);
    bool there = cpu_read(0, &cpu);
    case_end(CALL, name, rc, " vcpus=%u rip=%#lx", info.nr_online_vcpus, there ? cpu.rip : 0ul);
}

/* Does a refused stream change anything? */
static void effects(u32 domid)
{
    struct hvm_hw_cpu first = cpu_good(), second = cpu_good();

    first.rip = 0x1000;
    second.rip = 0x2000;
    state_case("effect_good", domid, cpu_set(&first));
    stream_begin();
    header()->magic = 0;
    stream_end();
    state_case("effect_of_bad_magic", domid, stream_set());
    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 0, &second, sizeof(second));
    state_case("effect_of_a_missing_end", domid, stream_set());
    cpu_set(&first);
    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 0, &second, sizeof(second));
    stream_add(0xffff, 0, NULL, 0);
    stream_end();
    state_case("effect_of_an_unknown_type", domid, stream_set());
    cpu_set(&first);
    second.cr0 = 0x80000010;
    state_case("effect_of_a_bad_cr0", domid, cpu_set(&second));
    second.cr0 = 0x11;
    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 0, &first, sizeof(first));
    stream_add(HVM_SAVE_CODE(CPU), 0, &second, sizeof(second));
    stream_end();
    state_case("effect_of_two_for_one_vcpu", domid, stream_set());
    domctl_plain(domid, XEN_DOMCTL_unpausedomain);
    domctl_plain(domid, XEN_DOMCTL_pausedomain);
}

void context_bad(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(2);
    u32 domid = 0;

    if (xc_domain_create(xch, &domid, &config) || xc_domain_max_vcpus(xch, domid, 2))
        give_up("making a domain", 0);
    context_use(domid);
    headers();
    cut_off();
    buffers(domid);
    lengths();
    types();
    effects(domid);
    domain_end(domid);
}
