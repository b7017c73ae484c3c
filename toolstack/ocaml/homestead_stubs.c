/*
 * libhomestead for OCaml, homestead.ml. Arguments are copied out of OCaml's heap before a call, and results into it after:
 * during the call other threads run, and the heap moves.
 *
 * A handle counts the calls that are made with it. Closing it in one thread lets those of others end. The count and
 * `closed` belong to whoever has the runtime's lock.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <caml/alloc.h>
#include <caml/callback.h>
#include <caml/custom.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <caml/signals.h>

#include "homestead.h"

#define ENTRIES(array) (sizeof(array) / sizeof((array)[0]))

struct handle {
    hs_handle *h;
    unsigned int users;
    bool closed;
};

static struct handle **handle_at(value v)
{
    return (struct handle **)Data_custom_val(v);
}

static void close_if_unused(struct handle *handle)
{
    if (handle->closed && !handle->users && handle->h) {
        hs_close(handle->h);
        handle->h = NULL;
    }
}

static void finalize(value v)
{
    struct handle *handle = *handle_at(v);

    handle->closed = true;
    close_if_unused(handle);
    free(handle);
}

static struct custom_operations operations = {.identifier = "homestead.handle",
                                              .finalize = finalize,
                                              .compare = custom_compare_default,
                                              .hash = custom_hash_default,
                                              .serialize = custom_serialize_default,
                                              .deserialize = custom_deserialize_default,
                                              .compare_ext = custom_compare_ext_default,
                                              .fixed_length = custom_fixed_length_default};

/* Between these two no OCaml value may be touched. */
static struct handle *begin_call(value v)
{
    struct handle *handle = *handle_at(v);

    if (handle->closed)
        caml_invalid_argument("Homestead: the handle is closed");
    handle->users++;
    caml_enter_blocking_section();
    return handle;
}

static void end_call(struct handle *handle)
{
    caml_leave_blocking_section();
    handle->users--;
    close_if_unused(handle);
}

/* The constructors of Homestead.errno without an argument, in their order. */
static const int constructors[] = {EPERM,  ENOENT, ESRCH,  E2BIG,   ENOMEM, EACCES,
                                   EFAULT, EINVAL, ENOSYS, ENOBUFS, EPROTO};

static value errno_value(int err)
{
    for (unsigned int i = 0; i < ENTRIES(constructors); i++)
        if (constructors[i] == err)
            return Val_int(i);
    value v = caml_alloc_small(1, 0);
    Field(v, 0) = Val_int(err);
    return v;
}

__attribute__((noreturn)) static void raise_error(int err, const char *message)
{
    CAMLparam0();
    CAMLlocal2(code, text);
    const value *exception = caml_named_value("homestead.error");

    if (!exception)
        caml_failwith(message);
    code = errno_value(err);
    text = caml_copy_string(message);
    value args[] = {code, text};
    caml_raise_with_args(*exception, 2, args);
    CAMLnoreturn;
}

static uint32_t domid_of(value v)
{
    intnat domid = Long_val(v);

    /* What is no domain's number is none that exists: the library says so. */
    return domid < 0 || domid > UINT32_MAX ? UINT32_MAX : (uint32_t)domid;
}

CAMLprim value stub_homestead_open(value unit)
{
    CAMLparam1(unit);
    CAMLlocal1(v);
    struct handle *handle = calloc(1, sizeof(*handle));
    int err = ENOMEM;

    if (!handle)
        caml_raise_out_of_memory();
    caml_enter_blocking_section();
    handle->h = hs_open();
    err = errno;
    caml_leave_blocking_section();
    if (!handle->h) {
        free(handle);
        raise_error(err, hs_strerror(err));
    }
    v = caml_alloc_custom(&operations, sizeof(handle), 0, 1);
    *handle_at(v) = handle;
    CAMLreturn(v);
}

CAMLprim value stub_homestead_close(value v)
{
    struct handle *handle = *handle_at(v);

    handle->closed = true;
    close_if_unused(handle);
    return Val_unit;
}

CAMLprim value stub_homestead_probe(value v)
{
    CAMLparam1(v);
    struct handle *handle = begin_call(v);
    int there = hs_probe(handle->h), err = errno;

    end_call(handle);
    if (there < 0)
        raise_error(err, hs_strerror(err));
    CAMLreturn(Val_bool(there));
}

static uint32_t flags_of(value list)
{
    static const uint32_t flags[] = {HS_CLAIM_REPLACE, HS_CLAIM_STRICT, HS_CLAIM_SCRUB};
    uint32_t all = 0;

    for (; list != Val_emptylist; list = Field(list, 1))
        all |= flags[Int_val(Field(list, 0))];
    return all;
}

static void entry_of(value record, memory_claim_t *claim)
{
    int64_t pages = Int64_val(Field(record, 0));
    int32_t node = Int32_val(Field(record, 1));

    if (pages < 0 || node < -1)
        caml_invalid_argument("Homestead: a claim has negative pages, or a node below -1");
    *claim = (memory_claim_t)XEN_NODE_CLAIM_INIT((uint64_t)pages, node == -1 ? XEN_DOMCTL_CLAIM_MEMORY_NO_NODE
                                                                             : (uint32_t)node);
}

/* What does not fit is no order that there is; it must not become one by being cut. */
static uint32_t order_of(value v)
{
    intnat order = Long_val(v);

    return order < 0 || order > UINT32_MAX ? UINT32_MAX : (uint32_t)order;
}

CAMLprim value stub_homestead_claim(value v, value domid_v, value orders, value flag_list, value claims)
{
    CAMLparam5(v, domid_v, orders, flag_list, claims);
    memory_claim_t set[HS_MAX_CLAIMS + 1];
    char text[512];
    mlsize_t there = Wosize_val(claims), nr = there;
    uint32_t domid = domid_of(domid_v), flags = flags_of(flag_list);

    /* One too many is all that it takes to be told E2BIG. */
    if (nr > ENTRIES(set))
        nr = ENTRIES(set);
    for (mlsize_t i = 0; i < nr; i++) {
        entry_of(Field(claims, i), &set[i]);
        if (Wosize_val(orders)) {
            flags |= HS_CLAIM_ORDERS;
            set[i].pad = order_of(Field(orders, i));
        }
    }
    struct handle *handle = begin_call(v);
    int rc = hs_claim(handle->h, domid, (uint32_t)nr, set, flags), err = errno;
    if (rc)
        hs_claim_text(handle->h, err, domid, there > UINT32_MAX ? UINT32_MAX : (uint32_t)there, set, flags,
                      NULL, NULL, text, sizeof(text)); /* of the set it reads no more than there can be */
    end_call(handle);
    if (rc)
        raise_error(err, text);
    CAMLreturn(Val_unit);
}

CAMLprim value stub_homestead_read(value v, value domid_v)
{
    CAMLparam2(v, domid_v);
    CAMLlocal2(array, record);
    uint32_t domid = domid_of(domid_v), nr = 0;
    memory_claim_t *claims = NULL;
    struct handle *handle = begin_call(v);
    int rc = hs_claim_read_all(handle->h, domid, &nr, &claims), err = errno;

    end_call(handle);
    if (rc)
        raise_error(err, hs_strerror(err));
    array = caml_alloc(nr, 0);
    for (uint32_t i = 0; i < nr; i++) {
        record = caml_alloc(2, 0);
        Store_field(record, 0, caml_copy_int64((int64_t)claims[i].pages));
        Store_field(record, 1, caml_copy_int32((int32_t)claims[i].node));
        Store_field(array, i, record);
    }
    free(claims);
    CAMLreturn(array);
}

CAMLprim value stub_homestead_claim_host(value v, value domid_v, value pages_v)
{
    CAMLparam3(v, domid_v, pages_v);
    uint32_t domid = domid_of(domid_v);
    int64_t pages = Int64_val(pages_v);

    if (pages < 0)
        caml_invalid_argument("Homestead.domain_claim_pages: negative pages");
    struct handle *handle = begin_call(v);
    int rc = hs_claim_host(handle->h, domid, (uint64_t)pages), err = errno;
    end_call(handle);
    if (rc)
        raise_error(err, hs_strerror(err));
    CAMLreturn(Val_unit);
}

/* A record of int64s. */
static value record_of(const uint64_t *numbers, mlsize_t nr, mlsize_t fields)
{
    CAMLparam0();
    CAMLlocal1(record);

    record = caml_alloc(fields, 0);
    for (mlsize_t i = 0; i < nr; i++)
        Store_field(record, i, caml_copy_int64((int64_t)numbers[i]));
    CAMLreturn(record);
}

CAMLprim value stub_homestead_host_memory(value v)
{
    CAMLparam1(v);
    CAMLlocal2(record, array);
    struct hs_node nodes[HS_MAX_NODES];
    struct hs_host host;
    uint32_t nr = HS_MAX_NODES;
    struct handle *handle = begin_call(v);
    int rc = hs_nodes(handle->h, &host, nodes, &nr), err = errno;

    end_call(handle);
    if (rc)
        raise_error(err, hs_strerror(err));
    array = caml_alloc(nr, 0);
    for (uint32_t i = 0; i < nr; i++) {
        const struct hs_node *n = &nodes[i];
        const uint64_t figures[] = {n->size_pages, n->free_pages, n->claimed_pages, n->dirty_pages,
                                    n->free_2m,    n->free_1g,    n->reserved_2m,   n->reserved_1g};
        Store_field(array, i, record_of(figures, ENTRIES(figures), ENTRIES(figures)));
    }
    const uint64_t figures[] = {host.free_pages, host.outstanding_pages, host.host_claimed_pages};
    record = record_of(figures, ENTRIES(figures), ENTRIES(figures) + 1);
    Store_field(record, ENTRIES(figures), array);
    CAMLreturn(record);
}

CAMLprim value stub_homestead_domain_memory(value v, value domid_v)
{
    CAMLparam2(v, domid_v);
    CAMLlocal2(record, array);
    struct hs_domain_node nodes[HS_MAX_NODES];
    struct hs_domain d;
    uint32_t nr = HS_MAX_NODES, domid = domid_of(domid_v);
    struct handle *handle = begin_call(v);
    int rc = hs_domain(handle->h, domid, &d, nodes, &nr), err = errno;

    end_call(handle);
    if (rc)
        raise_error(err, hs_strerror(err));
    array = caml_alloc(nr, 0);
    for (uint32_t i = 0; i < nr; i++) {
        const uint64_t figures[] = {nodes[i].own_pages, nodes[i].claim_pages};
        Store_field(array, i, record_of(figures, ENTRIES(figures), ENTRIES(figures)));
    }
    const uint64_t figures[] = {d.tot_pages,        d.max_pages,         d.overhead_pages,
                                d.host_claim_pages, d.outstanding_pages, d.broken_pages};
    record = record_of(figures, ENTRIES(figures), ENTRIES(figures) + 1);
    Store_field(record, ENTRIES(figures), array);
    CAMLreturn(record);
}

CAMLprim value stub_homestead_last_refusal(value v)
{
    CAMLparam1(v);
    struct hs_refusals refusals;
    char text[512];
    struct handle *handle = begin_call(v);
    int rc = hs_refusals(handle->h, &refusals), err = errno;

    if (!rc)
        hs_refusal_text(&refusals, NULL, NULL, text, sizeof(text));
    end_call(handle);
    if (rc)
        raise_error(err, hs_strerror(err));
    CAMLreturn(caml_copy_string(text));
}

CAMLprim value stub_homestead_overhead(value pages, value vcpus)
{
    if (Int64_val(pages) < 0 || Long_val(vcpus) < 0 || Long_val(vcpus) > UINT32_MAX)
        caml_invalid_argument("Homestead.domain_overhead: no number of pages or of vCPUs");
    return caml_copy_int64(
        (int64_t)xc_domain_overhead((uint64_t)Int64_val(pages), (unsigned int)Long_val(vcpus)));
}
