/* What the debug console shows of memory. */
#ifndef MM_DUMP_H
#define MM_DUMP_H

#include <lib/spinlock.h>

/* A line a node. Waits for no lock without bound; what it prints may be of slightly different moments. */
void mm_dump_nodes(void);
/* print(name, number, lock): says whether it is held. Then a line a kind. */
void mm_dump_locks(bool (*print)(const char *name, u32 nr, const spinlock_t *lock));

#endif
