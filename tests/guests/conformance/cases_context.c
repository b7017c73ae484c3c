/*
 * gethvmcontext and sethvmcontext: sizes, records, and setting what was read. Invalid streams:
 * cases_context_bad.c. Fields of a CPU record: cases_context_fields.c.
 */
#include <tests/guests/conformance/cases_context.h>
#include <lib/string.h>

struct stream stream;

static struct stream as_read;
static u32 domid;

void context_use(u32 id)
{
    domid = id;
}

void stream_clear(void)
{
    stream.len = 0;
}

void stream_add(u16 typecode, u16 instance, const void *body, u32 length)
{
    const struct hvm_save_descriptor head = {.typecode = typecode, .instance = instance, .length = length};

    memcpy(stream.bytes + stream.len, &head, sizeof(head));
    stream.len += sizeof(head);
    if (body)
        memcpy(stream.bytes + stream.len, body, length);
    else
        memset(stream.bytes + stream.len, 0, length);
    stream.len += length;
}

static long read_all(void)
{
    long size = xc_domain_hvm_getcontext(xch, domid, as_read.bytes, STREAM_BYTES);

    as_read.len = size > 0 ? (u32)size : 0;
    return size;
}

void stream_begin(void)
{
    stream_clear();
    if (read_all() < 32)
        give_up("reading a context", -1);
    memcpy(stream.bytes, as_read.bytes, 32); /* a descriptor and the header */
    stream.len = 32;
}

void stream_end(void)
{
    stream_add(HVM_SAVE_CODE(END), 0, NULL, 0);
}

long stream_set(void)
{
    return xc_domain_hvm_setcontext(xch, domid, stream.bytes, stream.len);
}

long cpu_set(const struct hvm_hw_cpu *cpu)
{
    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 0, cpu, sizeof(*cpu));
    stream_end();
    return stream_set();
}

struct hvm_hw_cpu cpu_good(void)
{
    return (struct hvm_hw_cpu){
        .rip = 0x100000,
        .rflags = 2,
        .cr0 = 0x11,
        .dr6 = 0xffff0ff0,
        .dr7 = 0x400,
        .cs_limit = ~0u,
        .ds_limit = ~0u,
        .es_limit = ~0u,
        .ss_limit = ~0u,
        .tr_limit = 0x67,
        .cs_arbytes = 0xc9b,
        .ds_arbytes = 0xc93,
        .es_arbytes = 0xc93,
        .ss_arbytes = 0xc93,
        .tr_arbytes = 0x8b,
    };
}

/* The nth record of a type in what was read last, counted from 0. */
static const u8 *find(u16 typecode, u16 instance, u32 *length)
{
    u32 at = 0;

    while (at + sizeof(struct hvm_save_descriptor) <= as_read.len) {
        struct hvm_save_descriptor head;

        memcpy(&head, as_read.bytes + at, sizeof(head));
        at += sizeof(head);
        if (head.typecode == typecode && head.instance == instance && head.length <= as_read.len - at) {
            *length = head.length;
            return as_read.bytes + at;
        }
        at += head.length;
    }
    return NULL;
}

bool cpu_read(u16 instance, struct hvm_hw_cpu *cpu)
{
    u32 length;

    if (read_all() < 0)
        return false;
    const u8 *body = find(HVM_SAVE_CODE(CPU), instance, &length);
    if (!body || length != sizeof(*cpu))
        return false;
    memcpy(cpu, body, sizeof(*cpu));
    return true;
}

static long get(u32 id, void *buffer, u32 *size)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_gethvmcontext, .domain = (domid_t)id};

    op.u.hvmcontext.size = *size;
    op.u.hvmcontext.buffer = XEN_HANDLE(buffer);
    long rc = domctl(&op);
    *size = op.u.hvmcontext.size;
    return rc;
}

static void sizes(void)
{
    u32 room = 0, needed, size;

    CASE_SHOW("domctl.gethvmcontext", "null_room_0", get(domid, NULL, &room), " size=%s",
              room ? "some" : "0");
    needed = room;
    size = ~0u;
    CASE_SHOW("domctl.gethvmcontext", "null_room_all_ones", get(domid, NULL, &size), " same=%s",
              size == needed ? "yes" : "no");
    size = needed - 1;
    CASE_SHOW("domctl.gethvmcontext", "one_byte_short", get(domid, as_read.bytes, &size), " size=%+d",
              (int)size - (int)needed);
    size = 0;
    CASE_SHOW("domctl.gethvmcontext", "room_0", get(domid, as_read.bytes, &size), " size=%u", size);
    size = needed;
    CASE_SHOW("domctl.gethvmcontext", "exact", get(domid, as_read.bytes, &size), " fits=%s",
              size && size <= needed ? "yes" : "no");
    size = STREAM_BYTES;
    CASE_SHOW("domctl.gethvmcontext", "larger", get(domid, as_read.bytes, &size), " fits=%s",
              size && size <= needed ? "yes" : "no");
    size = needed;
    CASE_SHOW("domctl.gethvmcontext", "not_mapped", get(domid, bad_ptr(), &size), " size=%s",
              size == needed ? "as_before" : "written");
    size = needed;
    CASE("domctl.gethvmcontext", "no_memory", get(domid, hole_ptr(), &size));
    size = needed;
    CASE("domctl.gethvmcontext", "over_the_edge", get(domid, edge_ptr(64), &size));
    size = needed - 1;
    CASE("domctl.gethvmcontext", "short_and_not_mapped", get(domid, bad_ptr(), &size));
}

static u32 count(u16 typecode)
{
    u32 n = 0, at = 0;
    struct hvm_save_descriptor head;

    for (; at + sizeof(head) <= as_read.len; at += (u32)sizeof(head) + head.length) {
        memcpy(&head, as_read.bytes + at, sizeof(head));
        n += head.typecode == typecode;
    }
    return n;
}

static void records_case(const char *name)
{
    struct hvm_save_descriptor first, last = {.typecode = 0xffff};
    struct hvm_save_header header;

    case_begin();
    long rc = read_all();
    memcpy(&first, as_read.bytes, sizeof(first));
    memcpy(&header, as_read.bytes + sizeof(first), sizeof(header));
    if (rc >= 8)
        memcpy(&last, as_read.bytes + rc - 8, sizeof(last));
    case_end("domctl.gethvmcontext", name, rc > 0 ? 0 : rc,
             " first=%u/%u last=%u/%u magic=%#x version=%u changeset=%lx cpus=%u mtrrs=%u", first.typecode,
             first.length, last.typecode, last.length, header.magic, header.version, header.changeset,
             count(HVM_SAVE_CODE(CPU)), count(HVM_SAVE_CODE(MTRR)));
}

static void records(void)
{
    struct hvm_hw_cpu cpu = cpu_good();
    xc_domaininfo_t info = {0};

    records_case("vcpus_offline");
    CASE("domctl.sethvmcontext", "vcpu_0", cpu_set(&cpu));
    records_case("vcpu_0_online");
    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 1, &cpu, sizeof(cpu));
    stream_end();
    CASE("domctl.sethvmcontext", "vcpu_1_only", stream_set());
    domain_info(domid, &info);
    CASE_SHOW("domctl.getdomaininfo", "vcpu_1_only", 0, " vcpus=%u/%d flags=%#x", info.nr_online_vcpus,
              (int)info.max_vcpu_id, info.flags);
    records_case("vcpu_1_online");
    stream_begin();
    stream_add(HVM_SAVE_CODE(CPU), 1, &cpu, sizeof(cpu));
    stream_add(HVM_SAVE_CODE(CPU), 0, &cpu, sizeof(cpu));
    stream_end();
    CASE("domctl.sethvmcontext", "both_backwards", stream_set());
    records_case("both_online");
    memcpy(&stream, &as_read, sizeof(stream));
    CASE("domctl.sethvmcontext", "as_it_was_read", stream_set());
    records_case("as_it_was_read");
    stream_begin();
    stream_end();
    CASE("domctl.sethvmcontext", "no_vcpus_in_it", stream_set());
    domain_info(domid, &info);
    CASE_SHOW("domctl.getdomaininfo", "no_vcpus_in_it", 0, " vcpus=%u/%d", info.nr_online_vcpus,
              (int)info.max_vcpu_id);
    records_case("offline_again");
}

/* The stream begins with the header of another domain. Reading the records of a domain without vCPUs is
 * left out: it crashes Xen 4.17.7 (docs/guest-guide/xen-differences.md). */
static void without_vcpus(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);
    struct hvm_hw_cpu cpu = cpu_good();
    u32 id = 0, size = 0;

    stream_begin();
    xc_domain_create(xch, &id, &config);
    CASE_SHOW("domctl.gethvmcontext", "no_vcpus_yet_null", get(id, NULL, &size), " size=%s",
              size ? "some" : "0");
    context_use(id);
    stream_add(HVM_SAVE_CODE(END), 0, NULL, 0);
    CASE("domctl.sethvmcontext", "no_vcpus_yet", stream_set());
    stream.len = 32;
    stream_add(HVM_SAVE_CODE(CPU), 0, &cpu, sizeof(cpu));
    stream_end();
    CASE("domctl.sethvmcontext", "no_vcpus_yet_vcpu_0", stream_set());
    domain_end(id);
}

static long set_vcpu(u32 id, u32 vcpu, const void *context)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvcpucontext, .domain = (domid_t)id};

    op.u.vcpucontext.vcpu = vcpu;
    op.u.vcpucontext.ctxt = XEN_HANDLE(context);
    return domctl(&op);
}

static void setvcpucontext(u32 id)
{
    static u8 zeroes[8192];

    CASE("domctl.setvcpucontext", "zeroes", set_vcpu(id, 0, zeroes));
    CASE("domctl.setvcpucontext", "null", set_vcpu(id, 0, NULL));
    CASE("domctl.setvcpucontext", "not_mapped", set_vcpu(id, 0, bad_ptr()));
    CASE("domctl.setvcpucontext", "vcpu_beyond", set_vcpu(id, 2, zeroes));
    CASE("domctl.setvcpucontext", "vcpu_all_ones", set_vcpu(id, ~0u, zeroes));
    CASE("domctl.setvcpucontext", "vcpu_beyond_null", set_vcpu(id, 2, NULL));
    CASE("domctl.setvcpucontext", "own_domain", set_vcpu(0, 0, zeroes));
}

void cases_context(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(2);
    u32 id = 0;

    if (xc_domain_create(xch, &id, &config) || xc_domain_max_vcpus(xch, id, 2))
        give_up("making a domain", 0);
    context_use(id);
    sizes();
    records();
    setvcpucontext(id);
    without_vcpus();
    domain_end(id);
    context_bad();
    context_fields();
}
