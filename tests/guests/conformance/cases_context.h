/*
 * Streams for sethvmcontext: one that is built record by record, and one that was read. context_use() sets
 * the domain for both.
 */
#ifndef GUEST_CONFORMANCE_CASES_CONTEXT_H
#define GUEST_CONFORMANCE_CASES_CONTEXT_H

#include <tests/guests/conformance/cases_domain.h>
#include <xen/hvm/save.h>

#define STREAM_BYTES 32768u

struct stream {
    u8 bytes[STREAM_BYTES];
    u32 len;
};
extern struct stream stream;

void context_use(u32 domid);
/* Empties the stream; stream_begin() then adds a valid HEADER. */
void stream_clear(void);
void stream_begin(void);
/* body NULL: zeroes. */
void stream_add(u16 typecode, u16 instance, const void *body, u32 length);
void stream_end(void);
long stream_set(void);
/* stream_begin(), this CPU record for vCPU 0, END. */
long cpu_set(const struct hvm_hw_cpu *cpu);
/* The state of a new guest: 32-bit flat, no paging. */
struct hvm_hw_cpu cpu_good(void);
/* The CPU record of a vCPU as it is now. False: there is none. */
bool cpu_read(u16 instance, struct hvm_hw_cpu *cpu);

#endif
