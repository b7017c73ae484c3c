/* Between the parts of conformance that are not cases. */
#ifndef GUEST_CONFORMANCE_INTERNAL_H
#define GUEST_CONFORMANCE_INTERNAL_H

/* Of case_gfn(): the helper's mailbox and its data page, beyond those of the cases. */
#define HELPER_GFN 64u

/* domains.c: finds room in our own physical space. Before anything is mapped. */
void domains_init(void);

#endif
