/* The ABI as include/xen/ has it. See abi_layout_test.c. */
#include <xen/xen.h>
#include <xen/memory.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/version.h>
#include <xen/vcpu.h>
#include <xen/elfnote.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/hvm/start_info.h>
#include <xen/hvm/save.h>
#include <xen/io/console.h>
#include <xen/arch-x86/cpuid.h>

#include "abi_table.h"

const struct abi_row abi_ours[] = {
#include "abi_rows.inc"
};
const unsigned int abi_ours_count = sizeof(abi_ours) / sizeof(abi_ours[0]);
