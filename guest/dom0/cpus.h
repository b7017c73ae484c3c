/*
 * What a text of `cpus` or `cpus_soft` means, xl.cfg(5): "all", or numbers, ranges A-B and node:A or nodes:A-B (all
 * CPUs of these nodes) with commas between; ^ before one removes it. Plain C for untrusted input.
 */
#ifndef GUEST_DOM0_CPUS_H
#define GUEST_DOM0_CPUS_H

#include <homestead/types.h>

/*
 * Sets the bits of map, MAX_CPUS of them, and clears the others. node_of[cpu] has nr_cpus entries. -EINVAL: the text
 * is not of this form; -ENOENT: none of these CPUs exists.
 */
int cpus_parse(const char *text, const u32 *node_of, u32 nr_cpus, u8 map[MAX_CPUS / 8]);

/* Sets the bits of numbers and ranges with commas between. map has limit bits, a multiple of 8. -EINVAL: not of this
 * form; -ERANGE: a number is >= limit. */
int cpus_parse_numbers(const char *text, u32 limit, u8 *map);

#endif
