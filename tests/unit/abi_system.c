/*
 * The ABI as Debian's libxen-dev has it. Absolute paths, because <xen/...> is ours here; the headers
 * include each other by relative paths, so none of ours gets in. See abi_layout_test.c.
 */
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"

#define __XEN_TOOLS__ 1
#include <stddef.h>
#include <stdint.h>
#include "/usr/include/xen/xen.h"
#include "/usr/include/xen/memory.h"
#include "/usr/include/xen/domctl.h"
#include "/usr/include/xen/sysctl.h"
#include "/usr/include/xen/event_channel.h"
#include "/usr/include/xen/sched.h"
#include "/usr/include/xen/version.h"
#include "/usr/include/xen/vcpu.h"
#include "/usr/include/xen/elfnote.h"
#include "/usr/include/xen/hvm/hvm_op.h"
#include "/usr/include/xen/hvm/params.h"
#include "/usr/include/xen/arch-x86/hvm/start_info.h"
#include "/usr/include/xen/hvm/save.h"
#include "/usr/include/xen/io/console.h"
#include "/usr/include/xen/arch-x86/cpuid.h"

#include "abi_table.h"

const struct abi_row abi_system[] = {
#include "abi_rows.inc"
};
const unsigned int abi_system_count = sizeof(abi_system) / sizeof(abi_system[0]);
