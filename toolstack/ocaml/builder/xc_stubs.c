/* libxenctrl for the builder: xc.ml. The handle lives as long as the program, and so is a plain pointer, which is never NULL. */
#include <errno.h>
#include <stdlib.h>

#include <caml/alloc.h>
#include <caml/callback.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <caml/signals.h>

#include <xenctrl.h>

#define MAX_NODES 64

__attribute__((noreturn)) static void raise_xc(int err, const char *call)
{
    CAMLparam0();
    CAMLlocal1(text);
    const value *exception = caml_named_value("homestead.builder.xc");

    if (!exception)
        caml_failwith(call);
    text = caml_copy_string(call);
    value args[] = {Val_int(err), text};
    caml_raise_with_args(*exception, 2, args);
    CAMLnoreturn;
}

static xc_interface *xch_of(value v)
{
    return *(xc_interface **)Data_abstract_val(v);
}

/* Runs an int expression while other threads may run; raises its errno. No OCaml value may be touched in it. */
#define CALL(name, expression) \
    do { \
        caml_enter_blocking_section(); \
        int rc = (expression), err = errno; \
        caml_leave_blocking_section(); \
        if (rc < 0) \
            raise_xc(err, name); \
    } while (0)

CAMLprim value stub_builder_open(value unit)
{
    CAMLparam1(unit);
    CAMLlocal1(v);

    caml_enter_blocking_section();
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    int err = errno;
    caml_leave_blocking_section();
    if (!xch)
        raise_xc(err, "xc_interface_open");
    v = caml_alloc(1, Abstract_tag);
    *(xc_interface **)Data_abstract_val(v) = xch;
    CAMLreturn(v);
}

CAMLprim value stub_builder_create(value v, value vcpus)
{
    CAMLparam2(v, vcpus);
    struct xen_domctl_createdomain config = {.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
                                             .max_vcpus = (uint32_t)Int_val(vcpus),
                                             .max_evtchn_port = 1023,
                                             .max_grant_frames = 32,
                                             .max_maptrack_frames = 256,
                                             .grant_opts = XEN_DOMCTL_GRANT_version(1),
                                             .arch = {.emulation_flags = XEN_X86_EMU_LAPIC}};
    xc_interface *xch = xch_of(v);
    uint32_t domid = 0; /* the hypervisor chooses */

    CALL("xc_domain_create", xc_domain_create(xch, &domid, &config));
    CAMLreturn(Val_int(domid));
}

CAMLprim value stub_builder_setmaxmem(value v, value domid_v, value kib_v)
{
    CAMLparam3(v, domid_v, kib_v);
    xc_interface *xch = xch_of(v);
    uint32_t domid = (uint32_t)Int_val(domid_v);
    uint64_t kib = (uint64_t)Int64_val(kib_v);

    CALL("xc_domain_setmaxmem", xc_domain_setmaxmem(xch, domid, kib));
    CAMLreturn(Val_unit);
}

CAMLprim value stub_builder_max_vcpus(value v, value domid_v, value vcpus_v)
{
    CAMLparam3(v, domid_v, vcpus_v);
    xc_interface *xch = xch_of(v);
    uint32_t domid = (uint32_t)Int_val(domid_v), vcpus = (uint32_t)Int_val(vcpus_v);

    CALL("xc_domain_max_vcpus", xc_domain_max_vcpus(xch, domid, vcpus));
    CAMLreturn(Val_unit);
}

CAMLprim value stub_builder_paging_pool(value v, value domid_v, value bytes_v)
{
    CAMLparam3(v, domid_v, bytes_v);
    xc_interface *xch = xch_of(v);
    uint32_t domid = (uint32_t)Int_val(domid_v);
    uint64_t bytes = (uint64_t)Int64_val(bytes_v);

    CALL("xc_set_paging_mempool_size", xc_set_paging_mempool_size(xch, domid, bytes));
    CAMLreturn(Val_unit);
}

CAMLprim value stub_builder_setaffinity(value v, value domid_v, value nodes)
{
    CAMLparam3(v, domid_v, nodes);
    xc_interface *xch = xch_of(v);
    uint32_t domid = (uint32_t)Int_val(domid_v);
    xc_nodemap_t map = xc_nodemap_alloc(xch);
    int bits = xc_get_nodemap_size(xch) * 8;

    if (!map)
        raise_xc(errno, "xc_nodemap_alloc");
    for (mlsize_t i = 0; i < Wosize_val(nodes); i++) {
        intnat node = Long_val(Field(nodes, i));
        if (node < 0 || node >= bits) {
            free(map);
            caml_invalid_argument("Xc.domain_node_setaffinity: there is no such node");
        }
        map[node / 8] |= (uint8_t)(1u << node % 8);
    }
    caml_enter_blocking_section();
    int rc = xc_domain_node_setaffinity(xch, domid, map), err = errno;
    caml_leave_blocking_section();
    free(map);
    if (rc)
        raise_xc(err, "xc_domain_node_setaffinity");
    CAMLreturn(Val_unit);
}

CAMLprim value stub_builder_populate(value v, value domid_v, value first_v, value extents_v, value order_v,
                                     value node_v)
{
    CAMLparam5(v, domid_v, first_v, extents_v, order_v);
    CAMLxparam1(node_v);
    xc_interface *xch = xch_of(v);
    uint32_t domid = (uint32_t)Int_val(domid_v);
    uint64_t first = (uint64_t)Int64_val(first_v);
    unsigned long nr = (unsigned long)Long_val(extents_v);
    unsigned int order = (unsigned int)Int_val(order_v);
    unsigned int flags = Int_val(node_v) < 0 ? 0 : XENMEMF_exact_node((unsigned int)Int_val(node_v));
    xen_pfn_t *frames = Long_val(extents_v) < 0 ? NULL : calloc(nr + 1, sizeof(*frames));

    if (!frames)
        caml_invalid_argument("Xc.populate: so many extents cannot be");
    for (unsigned long i = 0; i < nr; i++)
        frames[i] = first + (i << order);
    caml_enter_blocking_section();
    int done = xc_domain_populate_physmap(xch, domid, nr, order, flags, frames), err = errno;
    caml_leave_blocking_section();
    free(frames);
    if (done < 0)
        raise_xc(err, "xc_domain_populate_physmap");
    CAMLreturn(Val_int(done));
}

CAMLprim value stub_builder_populate_bytecode(value *argv, int argn)
{
    (void)argn;
    return stub_builder_populate(argv[0], argv[1], argv[2], argv[3], argv[4], argv[5]);
}

CAMLprim value stub_builder_pages(value v, value domid_v)
{
    CAMLparam2(v, domid_v);
    CAMLlocal1(pair);
    xc_interface *xch = xch_of(v);
    uint32_t domid = (uint32_t)Int_val(domid_v);
    xc_domaininfo_t info;

    CALL("xc_domain_getinfolist", xc_domain_getinfolist(xch, domid, 1, &info) == 1 ? 0 : -1);
    if (info.domain != domid)
        raise_xc(ESRCH, "xc_domain_getinfolist");
    pair = caml_alloc(2, 0);
    Store_field(pair, 0, caml_copy_int64((int64_t)info.tot_pages));
    Store_field(pair, 1, caml_copy_int64((int64_t)info.outstanding_pages));
    CAMLreturn(pair);
}

CAMLprim value stub_builder_destroy(value v, value domid_v)
{
    CAMLparam2(v, domid_v);
    xc_interface *xch = xch_of(v);
    uint32_t domid = (uint32_t)Int_val(domid_v);

    CALL("xc_domain_destroy", xc_domain_destroy(xch, domid));
    CAMLreturn(Val_unit);
}

CAMLprim value stub_builder_node_free(value v)
{
    CAMLparam1(v);
    CAMLlocal1(array);
    xc_interface *xch = xch_of(v);
    xc_meminfo_t nodes[MAX_NODES];
    unsigned int nr = MAX_NODES;

    CALL("xc_numainfo", xc_numainfo(xch, &nr, nodes, NULL));
    if (nr > MAX_NODES)
        nr = MAX_NODES;
    array = caml_alloc(nr, 0);
    for (unsigned int i = 0; i < nr; i++)
        Store_field(array, i, caml_copy_int64((int64_t)nodes[i].memfree));
    CAMLreturn(array);
}
