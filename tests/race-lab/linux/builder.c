/*
 * A builder. It maps after the fork: a reservation of huge pages belongs to the process that mapped them. A store for
 * which there is no page raises SIGBUS (huge pages) or ends in the OOM killer (4 KiB).
 */
#define _GNU_SOURCE
#include "lab.h"
#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define SMALL  4096ul
#define CENSUS 256

static struct {
    struct builder *b;
    enum loser loser;
    char *base;
    unsigned long page; /* its size */
    long pages;
} self;

/* On which node each page is. System calls only: a signal handler calls it. */
static void census(void)
{
    static void *page[CENSUS];
    static int status[CENSUS];

    self.b->here = self.b->away = 0;
    for (long first = 0; first < self.pages; first += CENSUS) {
        long some = self.pages - first < CENSUS ? self.pages - first : CENSUS;
        for (long i = 0; i < some; i++)
            page[i] = self.base + (first + i) * (long)self.page;
        if (syscall(SYS_move_pages, 0, some, page, NULL, status, 0) < 0)
            return;
        for (long i = 0; i < some; i++) {
            self.b->here += status[i] == NODE;
            self.b->away += status[i] >= 0 && status[i] != NODE; /* negative: there is no page */
        }
    }
}

/* Keeps the memory until PID 1 has seen how everybody ended. */
static _Noreturn void stay(void)
{
    self.b->over = true;
    while (!lab->release)
        usleep(1000);
    _exit(0);
}

static void on_bus(int number)
{
    self.b->bus = true;
    census();
    if (self.loser == HOLDS)
        stay();
    signal(number, SIG_DFL);
    raise(number);
}

static int set_policy(enum policy policy, unsigned int node)
{
    unsigned long nodes = 1ul << node;
    int mode = policy == PREFER ? MPOL_PREFERRED : MPOL_BIND;

    if (policy == CPUSET)
        return host_write("/cgroup/lab/cgroup.procs", "0") ? 0 : EIO;
    if (policy == TASK)
        return syscall(SYS_set_mempolicy, mode, &nodes, 64ul) ? errno : 0;
    return syscall(SYS_mbind, self.base, self.pages * (long)self.page, mode, &nodes, 64ul, 0) ? errno : 0;
}

static bool before_mapping(enum policy policy)
{
    return policy == TASK || policy == CPUSET;
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static bool map(const struct variant *v, int extra)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | extra | (v->memory == HUGE_PAGES ? MAP_HUGETLB : 0);

    self.base = mmap(NULL, (size_t)self.pages * self.page, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (self.base == MAP_FAILED)
        self.b->map_error = errno;
    return self.base != MAP_FAILED;
}

static void begin(const struct variant *v, int who, int extents)
{
    self.b = &lab->b[who];
    self.loser = v->loser;
    self.page = v->memory == HUGE_PAGES ? EXTENT : SMALL;
    self.pages = extents * (long)(EXTENT / self.page);
    pin(who % 2);
    signal(SIGBUS, on_bus);
}

static _Noreturn void refused(void)
{
    self.b->mapped = true; /* it has tried */
    stay();
}

/* Page by page; in turns one extent at a time. */
static void store(const struct variant *v, int who)
{
    long turn = (long)(EXTENT / self.page);

    for (long i = 0; i < self.pages; i++) {
        while (v->order == TURNS && i % turn == 0 && lab->turn % 2 != who && !lab->b[1 - who].over)
            sched_yield();
        self.base[i * (long)self.page] = 1;
        self.b->touched = i + 1;
        if (v->order == TURNS && i % turn == turn - 1)
            lab->turn++;
    }
}

void builder_run(const struct variant *v, int who)
{
    begin(v, who, v->want[who]);
    if (before_mapping(v->policy))
        self.b->policy_error = set_policy(v->policy, NODE);
    if (!map(v, v->fill == MAP_FILLED ? MAP_POPULATE : 0))
        refused();
    if (!before_mapping(v->policy))
        self.b->policy_error = set_policy(v->policy, NODE);
    self.b->mapped = true;
    while (!lab->go[who])
        usleep(200);
    if (v->fill == STORE)
        store(v, who);
    else if (v->fill == POPULATE && madvise(self.base, (size_t)self.pages * self.page, MADV_POPULATE_WRITE))
        self.b->populate_error = errno;
    census();
    stay();
}

void bystander_run(const struct variant *v)
{
    struct variant small = *v;

    small.memory = SMALL_PAGES;
    begin(&small, 2, v->bystander);
    if (!map(&small, 0))
        refused();
    self.b->policy_error = set_policy(BIND, 1 - NODE);
    small.order = AT_ONCE;
    store(&small, 2);
    self.b->mapped = true;
    stay();
}
