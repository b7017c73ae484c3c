/*
 * Linux's half of the race lab: PID 1 of a machine with two nodes, and the builders, which are processes. A builder maps
 * as much memory as its guest would have, asks Linux to keep it on node 1, and touches it. Amounts are in extents of
 * 2 MiB, which are huge pages, or 512 pages of 4 KiB.
 *
 * Results are `@race` lines: docs/hypervisor-guide/output.md.
 */
#ifndef RACE_LAB_LINUX_LAB_H
#define RACE_LAB_LINUX_LAB_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#define EXTENT (2ul << 20)
#define ROOM   64  /* huge pages of each node, in most variants */
#define LEFT   128 /* extents of each node that are left for pages of 4 KiB, about */
#define NODE   1   /* that both builders want */

enum memory { HUGE_PAGES, SMALL_PAGES };
/* How Linux is asked: mbind() of the mapping, set_mempolicy() before it, or a cpuset. PREFER is mbind(), without force. */
enum policy { BIND, TASK, CPUSET, PREFER };
/* How memory is touched: by stores, MADV_POPULATE_WRITE, or in mmap() by MAP_POPULATE. */
enum fill { STORE, POPULATE, MAP_FILLED };
/* IN_ORDER: A is finished before B maps. */
enum order { TURNS, IN_ORDER, AT_ONCE };
/* A builder that cannot go on keeps what it has, as while it is being torn down slowly; or it goes, and B waits for that. */
enum loser { HOLDS, GOES };

struct variant {
    const char *name;
    enum memory memory;
    enum policy policy;
    enum fill fill;
    enum order order;
    enum loser loser;
    int want[2];   /* 0: there is no B */
    int bystander; /* extents of 4 KiB pages that a third process has on the other node */
};

#define WHO 3 /* A, B, the bystander */

/* What a process tells the others. Only itself writes it, except `over`, which PID 1 writes for one that has died. */
struct builder {
    _Atomic bool mapped, over;
    _Atomic long touched; /* pages */
    int map_error, policy_error, populate_error;
    bool bus;
    long here, away; /* pages on NODE and elsewhere, once there was a census */
};

struct lab {
    _Atomic long turn;
    _Atomic bool go[WHO], release;
    struct builder b[WHO];
};
extern struct lab *lab; /* shared by all processes */

/* builder.c: in a new process; they do not return. */
_Noreturn void builder_run(const struct variant *v, int who);
_Noreturn void bystander_run(const struct variant *v);

/* host.c */
/* Writes text to a file; false: it did not take it. */
bool host_write(const char *path, const char *text);
/* Huge pages of each node. */
void host_pool(int node0, int node1);
/* Free memory of a node in extents, -1: unknown. */
int host_free(int node);
/* Mounts, and what the kernel shall not do while it is measured. */
void host_prepare(void);
/* The number after `name=` of the kernel's command line, or otherwise. */
int host_option(const char *name, int otherwise);

#endif
