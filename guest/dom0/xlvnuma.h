/* The key vnuma, for xlcfg.c only. */
#ifndef GUEST_DOM0_XLVNUMA_H
#define GUEST_DOM0_XLVNUMA_H

#include <guest/dom0/xlcfg.h>

/*
 * Reads vnuma = [ ["pnode=N", "size=MIB", "vcpus=A-B,C", "vdistances=..."], ... ]: the nodes and vCPUs' nodes of out,
 * whose memory must be the sum of all sizes. *vcpus: how many vCPUs there are on all of them, numbered from 0. Returns
 * NULL, or what is wrong in line *line.
 */
const char *xlvnuma_read(const struct xl_value *vnuma, struct xlcfg *out, u32 *vcpus, u32 *line);

#endif
