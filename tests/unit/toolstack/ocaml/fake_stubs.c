/* For binding_test.ml: a hypervisor that keeps what it was asked and answers what the test says (../fake_xencall.h). */
#include <string.h>

#include <caml/alloc.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>

#include "../fake_xencall.h"

#define MEMORY_OP 12u

/* OCaml's heap is given back by nobody. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static u8 arg[144], array[8192], reply[144], fill[8192];
static u64 arg_bytes, array_bytes, reply_bytes, fill_bytes;
static int rc;

/* The array of claims is at 16 in a domctl and in the sysctls of nodes, that of refusals at 8. */
static u64 array_address(u32 at)
{
    u64 address;

    memcpy(&address, arg + at, 8);
    return address;
}

static long answer(unsigned int nr, u64 arg1, u64 arg2)
{
    u64 at = nr == MEMORY_OP ? arg2 : arg1;
    u8 *given = fake_memory(at, arg_bytes = fake_bytes(at));

    memcpy(arg, given, arg_bytes);
    array_bytes = 0;
    for (u32 field = 8; field <= 16 && nr != MEMORY_OP; field += 8) {
        u64 bytes = fake_bytes(array_address(field));
        if (!bytes || bytes > sizeof(array))
            continue;
        u8 *there = fake_memory(array_address(field), bytes);
        memcpy(array, there, array_bytes = bytes);
        memcpy(there, fill, MIN(fill_bytes, bytes));
    }
    for (u64 i = 0; i < MIN(reply_bytes, arg_bytes); i++)
        if (reply[i])
            given[i] = reply[i];
    return rc;
}

/* rc -> bytes written over the structure where they are not 0 -> bytes of the array -> unit */
value fake_answer(value rc_v, value reply_v, value fill_v)
{
    rc = Int_val(rc_v);
    reply_bytes = MIN(caml_string_length(reply_v), sizeof(reply));
    memcpy(reply, String_val(reply_v), reply_bytes);
    fill_bytes = MIN(caml_string_length(fill_v), sizeof(fill));
    memcpy(fill, String_val(fill_v), fill_bytes);
    fake_hypervisor = answer;
    return Val_unit;
}

value fake_last_arg(value unit)
{
    (void)unit;
    return caml_alloc_initialized_string(arg_bytes, (const char *)arg);
}

value fake_last_array(value unit)
{
    (void)unit;
    return caml_alloc_initialized_string(array_bytes, (const char *)array);
}

value fake_open_handles(value unit)
{
    (void)unit;
    return Val_int(fake_handles());
}
