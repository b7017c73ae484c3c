/*
 * What `cpus` and `cpus_soft` of a configuration mean for one vCPU, xl.cfg(5): "all", or numbers, ranges A-B
 * and node:A or nodes:A-B (all CPUs of these nodes) with commas between; ^ before one takes it out again.
 * Plain C for untrusted input.
 */
#ifndef GUEST_DOM0_CPUS_H
#define GUEST_DOM0_CPUS_H

#include <homestead/types.h>

/*
 * Sets the bits of map, MAX_CPUS of them. items: one text for all vCPUs, or, if it ends in ';', an item with
 * a
 * ';' behind it for each vCPU; vCPUs behind the last one may run anywhere. node_of[cpu], nr_cpus entries.
 * -EINVAL: not of this form; -ENOENT: no CPU is left that exists.
 */
int cpus_for_vcpu(const char *items, u32 vcpu, const u32 *node_of, u32 nr_cpus, u8 map[MAX_CPUS / 8]);

#endif
