/*
 * A libxencall for tests of toolstack/: its buffers are the only memory that the hypervisor sees, each one of malloc(), so that
 * ASan finds a caller who passes its end. Calls go to the machine's hypervisor, the product's own hypercall/, in a test with a
 * machine; or to a function of the test's own, which sees every byte and answers what it likes.
 */
#ifndef TESTS_TOOLSTACK_FAKE_XENCALL_H
#define TESTS_TOOLSTACK_FAKE_XENCALL_H

#include <homestead/types.h>

/* Instead of the machine's. Returns what a hypercall does: 0 or more, or -errno. */
extern long (*fake_hypervisor)(unsigned int nr, u64 arg1, u64 arg2);
/* Opening fails with that errno. 0: it succeeds. */
extern int fake_open_errno;
/* The buffer after so many more cannot be had: ENOMEM. ~0u: all can. */
extern u32 fake_buffers_left;
extern u32 fake_opens, fake_closes, fake_calls; /* so far; set them to 0 */

/* The memory of a buffer from that address on. NULL: not len bytes of one buffer. */
void *fake_memory(u64 address, u64 len);
/* From there to the end of the buffer. 0: it is in none. */
u64 fake_bytes(u64 address);
/* Buffers and handles in use. The library's own handle stays. */
u32 fake_buffers(void);
u32 fake_handles(void);
void fake_reset(void);

#endif
