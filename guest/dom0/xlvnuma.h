/* The key vnuma, for xlcfg.c only. */
#ifndef GUEST_DOM0_XLVNUMA_H
#define GUEST_DOM0_XLVNUMA_H

#include <guest/dom0/xlcfg.h>

/*
 * Reads vnuma = [ ["pnode=N", "size=MIB", "vcpus=A-B,C", "vdistances=10,20"], ... ] into the virtual nodes, nodes and
 * vCPUs of out, whose memory must be the sum of all sizes. *vcpus: how many vCPUs there are on all nodes, numbered
 * from 0. A node without vcpus= has memory only, one with size=0 vCPUs only. Without vdistances= a node is 10 from
 * itself and 20 from the others. 0; -EINVAL with *error.
 */
int xlvnuma_read(const struct xl_value *vnuma, struct xlcfg *out, u32 *vcpus, struct xl_message *error);

#endif
