/* Doubly linked lists whose items know the pointer to themselves: an item leaves its list without knowing
 * which one it is, and a NULL pprev says that it is in none. */
#ifndef MM_LISTS_H
#define MM_LISTS_H

#include <mm/internal.h>

#define LIST_PUSH(head, item, link, plink) \
    do { \
        (item)->link = *(head); \
        (item)->plink = (head); \
        if ((item)->link) \
            (item)->link->plink = &(item)->link; \
        *(head) = (item); \
    } while (0)

#define LIST_REMOVE(item, link, plink) \
    do { \
        *(item)->plink = (item)->link; \
        if ((item)->link) \
            (item)->link->plink = (item)->plink; \
        (item)->plink = NULL; \
    } while (0)

/* --- chunk.c, for region.c --- */
void chunk_relist(struct node *node, struct chunk *c);
/* A region becomes a wholly free one of its chunk, or stops being one; free_2m follows, pages do not. Take
 * says whether it was dirty. */
void chunk_put_region(struct node *node, struct region *r, bool dirty);
bool chunk_take_region(struct node *node, struct region *r);

#endif
