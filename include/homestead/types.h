/* Basic types and helper macros. Freestanding; also used by host tests and by our guests. */
#ifndef HOMESTEAD_TYPES_H
#define HOMESTEAD_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* A NUMA node, dense, 0 .. MAX_NODES-1. NODE_NONE means "no node": unknown, or "anywhere". */
typedef u32 nodeid_t;
#define MAX_NODES 64u
#define NODE_NONE 0xffffffffu

/* CPUs that tables and arrays are sized for. */
#define MAX_CPUS 1024u

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1ul << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* Extent orders are log2 of 4 KiB frames. */
#define ORDER_4K  0u
#define ORDER_2M  9u
#define ORDER_1G  18u
#define MAX_ORDER 18u

#define KIB(n) ((u64)(n) << 10)
#define MIB(n) ((u64)(n) << 20)
#define GIB(n) ((u64)(n) << 30)

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))
#define ALIGN_UP(x, a)                  (((x) + ((a)-1)) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a)                ((x) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a)                (((x) & ((a)-1)) == 0)
#define DIV_ROUND_UP(n, d)              (((n) + (d)-1) / (d))
#define BIT(n)                          (1ull << (n))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define PACKED            __attribute__((packed))
#define ALIGNED(n)        __attribute__((aligned(n)))
#define NORETURN          __attribute__((noreturn))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define likely(x)         __builtin_expect(!!(x), 1)
#define unlikely(x)       __builtin_expect(!!(x), 0)

#endif
