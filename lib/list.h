/* Intrusive doubly linked list. A head is a node that links to itself when empty. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <homestead/types.h>

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name) \
    { \
        &(name), &(name) \
    }

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Unlinks and leaves the node linked to itself, so that a second removal does no harm. */
static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_for_each(pos, head)      for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/*
 * The same for heads of one pointer, which may be NULL: an item has two members, link to the next item and plink
 * to the pointer that points to the item. An item can leave without its list being known; a NULL plink says that
 * it is in none. All zero is an empty list and an item in none, so memory that is zero needs no set-up.
 */
#define LIST_PUSH(head, item, link, plink) \
    do { \
        __typeof__(item) list_next = *(head); \
        (item)->link = list_next; \
        (item)->plink = (head); \
        if (list_next) \
            list_next->plink = &(item)->link; \
        *(head) = (item); \
    } while (0)

#define LIST_REMOVE(item, link, plink) \
    do { \
        __typeof__(item) list_next = (item)->link, *list_prev = (item)->plink; \
        *list_prev = list_next; \
        if (list_next) \
            list_next->plink = list_prev; \
        (item)->plink = NULL; \
    } while (0)

/* Puts the item in the list, or takes it out; one that is already as wanted keeps its place. */
#define LIST_SET(wanted, head, item, link, plink) \
    do { \
        if ((wanted) && !(item)->plink) \
            LIST_PUSH(head, item, link, plink); \
        else if (!(wanted) && (item)->plink) \
            LIST_REMOVE(item, link, plink); \
    } while (0)

#endif
