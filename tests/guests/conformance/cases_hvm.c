/*
 * hvm_op: the builder reads and sets every parameter of another domain and of domain 0. A guest's own
 * parameters are in group guest. VM86_TSS and its sized form are left out, because Xen writes to that
 * memory at once.
 */
#include <tests/guests/conformance/cases.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

#define NR_PARAMS 42u

static long get(u32 domid, u32 index, u64 *value)
{
    struct xen_hvm_param p = {.domid = (domid_t)domid, .index = index, .value = 0x7777};
    long rc = hvm_op(HVMOP_get_param, &p);

    *value = p.value;
    return rc;
}

static long set(u32 domid, u32 index, u64 value)
{
    struct xen_hvm_param p = {.domid = (domid_t)domid, .index = index, .value = value};

    return hvm_op(HVMOP_set_param, &p);
}

/* Sets it, then reads it back. */
static long set_and_read(u32 domid, u32 index, u64 value, u64 *now)
{
    long rc = set(domid, index, value);

    get(domid, index, now);
    return rc;
}

static bool writes_memory(u32 index)
{
    return index == HVM_PARAM_VM86_TSS || index == HVM_PARAM_VM86_TSS_SIZED || index == HVM_PARAM_IDENT_PT;
}

static void every_parameter(u32 domid)
{
    static const u64 values[] = {0, 1, 0x1234, ~0ull};
    u64 value;

    for (u32 index = 0; index < NR_PARAMS + 3; index++) {
        char name[48];
        snprintf(name, sizeof(name), "param_%u_fresh", index);
        CASE_SHOW("hvm_op.get_param", name, get(domid, index, &value), " value=%#lx", value);
        for (u32 i = 0; i < ARRAY_SIZE(values) && !writes_memory(index); i++) {
            snprintf(name, sizeof(name), "param_%u_to_%lx", index, values[i]);
            CASE_SHOW("hvm_op.set_param", name, set_and_read(domid, index, values[i], &value), " reads=%#lx",
                      value);
        }
    }
    CASE_SHOW("hvm_op.get_param", "param_2_to_32_less_1", get(domid, ~0u, &value), " value=%#lx", value);
}

static void domains(void)
{
    static const struct {
        const char *name;
        u32 domid;
    } others[] = {
        {"unknown_domain", DOMID_UNKNOWN}, {"domid_io", DOMID_IO},  {"domid_xen", DOMID_XEN},
        {"domid_invalid", DOMID_INVALID},  {"domid_above", 0xffff},
    };
    u64 value;

    for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
        CASE_SHOW("hvm_op.get_param", others[i].name, get(others[i].domid, HVM_PARAM_CONSOLE_PFN, &value),
                  " value=%#lx", value);
        CASE("hvm_op.set_param", others[i].name, set(others[i].domid, HVM_PARAM_CONSOLE_PFN, 1));
    }
    CASE("hvm_op.get_param", "not_mapped", hvm_op(HVMOP_get_param, bad_ptr()));
    CASE("hvm_op.get_param", "over_the_edge", hvm_op(HVMOP_get_param, edge_ptr(15)));
    CASE("hvm_op.set_param", "not_mapped", hvm_op(HVMOP_set_param, bad_ptr()));
    CASE_SHOW("hvm_op.get_param", "self_console", get(DOMID_SELF, HVM_PARAM_CONSOLE_PFN, &value),
              " value=%#lx", value);
    CASE_SHOW("hvm_op.get_param", "self_store", get(DOMID_SELF, HVM_PARAM_STORE_EVTCHN, &value),
              " value=%#lx", value);
}

static long vector(u32 vcpu, u8 number)
{
    struct xen_hvm_evtchn_upcall_vector v = {.vcpu = vcpu, .vector = number};

    return hvm_op(HVMOP_set_evtchn_upcall_vector, &v);
}

static void upcalls(void)
{
    static const u8 vectors[] = {0, 1, 15, 16, 31, 32, 255};

    for (u32 i = 0; i < ARRAY_SIZE(vectors); i++) {
        char name[32];
        snprintf(name, sizeof(name), "vector_%u_of_vcpu_1", vectors[i]);
        CASE("hvm_op.set_evtchn_upcall_vector", name, vector(1, vectors[i]));
    }
    CASE("hvm_op.set_evtchn_upcall_vector", "vector_0", vector(0, 0));
    CASE("hvm_op.set_evtchn_upcall_vector", "vector_15", vector(0, 15));
    CASE("hvm_op.set_evtchn_upcall_vector", "vcpu_all_ones", vector(~0u, 0xf3));
    CASE("hvm_op.set_evtchn_upcall_vector", "not_mapped", hvm_op(HVMOP_set_evtchn_upcall_vector, bad_ptr()));
    CASE("hvm_op", "cmd_26", hvm_op(26, bad_ptr()));
    CASE("hvm_op", "cmd_255", hvm_op(255, bad_ptr()));
}

void cases_hvm(void)
{
    u32 domid = domain_new(16);
    u64 value;

    every_parameter(domid);
    domains();
    upcalls();
    domain_populate(domid, 0, 0, NODE_ANY);
    map_foreign_gfn(0, domid, 0);
    xc_domain_destroy(xch, domid);
    CASE_SHOW("hvm_op.get_param", "dying", get(domid, HVM_PARAM_CONSOLE_PFN, &value), " value=%#lx", value);
    CASE("hvm_op.set_param", "dying", set(domid, HVM_PARAM_CONSOLE_PFN, 5));
    unmap_gfn(0);
    domain_end(domid);
}
