/*
 * What the scripts in a Linux guest cannot do with busybox: a memory test on a node, forks and timers on every CPU, and the
 * clock read on one CPU. A static program of the host's compiler and C library, run by guest/linux/checks.
 *
 *   probe memory CPU NODE KIB   tests KIB of memory of NODE, on CPU
 *   probe load SECS             forks, and timers, on every CPU
 *   probe clock CPU SECS        CLOCK_MONOTONIC on CPU, ten times a second
 *   probe order SECS            CLOCK_MONOTONIC never goes back, from one CPU to the next
 *   probe terminal COMMAND...   in domain 0: runs the command on a terminal of its own, with our input and output
 *
 * Prints one line on standard output: the detail of the check. Status 0: ok.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE         4096ul
#define MAX_CPUS     256
#define NS           1000000000ll
#define MPOL_BIND    2 // of mbind(2), which has no header in libc6-dev
#define TIMER_NS     10000000ll
#define LATE_MS_MOST 3000 // an emulated machine that shares two CPUs with others

static int fail(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    return 1;
}

static long long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS + t.tv_nsec;
}

static int run_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set);
}

// The ids of the CPUs that this process may use.
static int all_cpus(int *ids)
{
    int nr = 0;
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set))
        return 0;
    for (int cpu = 0; cpu < MAX_CPUS; cpu++)
        if (CPU_ISSET(cpu, &set))
            ids[nr++] = cpu;
    return nr;
}

static uint64_t pattern(uint64_t word)
{
    return word * 0x9e3779b97f4a7c15ull ^ word >> 7;
}

// Words of memory that are not as they were written: ascending, then descending with the complement, then ascending.
static uint64_t wrong_words(volatile uint64_t *memory, uint64_t words)
{
    uint64_t wrong = 0;

    for (uint64_t i = 0; i < words; i++)
        wrong += memory[i] != 0;
    for (uint64_t i = 0; i < words; i++)
        memory[i] = pattern(i);
    for (uint64_t i = words; i-- > 0; memory[i] = ~pattern(i))
        wrong += memory[i] != pattern(i);
    for (uint64_t i = 0; i < words; i++)
        wrong += memory[i] != ~pattern(i);
    return wrong;
}

// Pages of the mapping that are not on the node, by Linux's own account.
static long pages_elsewhere(char *memory, unsigned long pages, int node)
{
    enum { BATCH = 1024 };
    static void *addresses[BATCH];
    static int where[BATCH];
    long elsewhere = 0;

    for (unsigned long done = 0, nr; done < pages; done += nr) {
        nr = pages - done < BATCH ? pages - done : BATCH;
        for (unsigned long i = 0; i < nr; i++)
            addresses[i] = memory + (done + i) * PAGE;
        if (syscall(SYS_move_pages, 0, nr, addresses, NULL, where, 0))
            return -1;
        for (unsigned long i = 0; i < nr; i++)
            elsewhere += where[i] != node;
    }
    return elsewhere;
}

static int memory(int cpu, int node, unsigned long kib)
{
    unsigned long bytes = kib / 4 * PAGE, nodemask[16] = {0};
    char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint64_t wrong;
    long elsewhere;
    long long start = now_ns();

    if (map == MAP_FAILED || run_on(cpu))
        return fail(map == MAP_FAILED ? "mmap" : "affinity");
    nodemask[node / 64] = 1ul << node % 64;
    // A kernel that sees one node may be built without NUMA policies.
    if (syscall(SYS_mbind, map, bytes, MPOL_BIND, nodemask, sizeof(nodemask) * 8, 0) && errno != ENOSYS)
        return fail("mbind");
    wrong = wrong_words((uint64_t *)map, bytes / 8);
    elsewhere = pages_elsewhere(map, bytes / PAGE, node);
    printf("%lu KiB of node %d, %lu words wrong, %ld pages elsewhere, %lld ms\n", kib, node,
           (unsigned long)wrong, elsewhere, (now_ns() - start) / 1000000);
    return wrong || elsewhere;
}

struct load {
    unsigned long forks, ticks;
    long long late_ns;
};

// One CPU's load: a child is born and ends between two ticks of a timer, which must neither come early nor be lost.
static int load_cpu(int cpu, long long until, struct load *load)
{
    struct itimerspec every = {.it_interval = {.tv_nsec = TIMER_NS}, .it_value = {.tv_nsec = TIMER_NS}};
    int timer = timerfd_create(CLOCK_MONOTONIC, 0), status;
    long long start, late;
    uint64_t ticks;

    if (timer < 0 || run_on(cpu))
        return 1;
    start = now_ns();
    if (timerfd_settime(timer, 0, &every, NULL))
        return 1;
    do { // at least once, however late it has started
        pid_t child = fork();

        if (child == 0)
            _exit(cpu % 100 + 1);
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
            WEXITSTATUS(status) != cpu % 100 + 1)
            return 2;
        load->forks++;
        if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks))
            return 3;
        load->ticks += ticks;
        late = now_ns() - start - (long long)load->ticks * TIMER_NS;
        if (late < 0)
            return 4; // early
        if (late > load->late_ns)
            load->late_ns = late;
    } while (now_ns() < until);
    return 0;
}

static int load(int secs)
{
    static const char *const reasons[] = {"", "no timer", "a child was lost", "no tick", "a timer was early"};
    int ids[MAX_CPUS], nr = all_cpus(ids), worst = 0, status;
    struct load *loads =
        mmap(NULL, sizeof(*loads) * MAX_CPUS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long forks = 0, ticks = 0, idle = 0;
    long long late_ns = 0, until = now_ns() + secs * NS;

    if (loads == MAP_FAILED)
        return fail("mmap");
    for (int i = 0; i < nr; i++)
        if (fork() == 0)
            _exit(load_cpu(ids[i], until, &loads[i]));
    for (int i = 0; i < nr; i++) {
        wait(&status);
        if (!WIFEXITED(status) || WEXITSTATUS(status))
            worst = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
    }
    for (int i = 0; i < nr; i++) {
        forks += loads[i].forks;
        ticks += loads[i].ticks;
        idle += loads[i].ticks == 0;
        late_ns = loads[i].late_ns > late_ns ? loads[i].late_ns : late_ns;
    }
    printf("%d CPUs, %d s, %lu forks, %lu ticks, at most %lld ms late%s%s\n", nr, secs, forks, ticks,
           late_ns / 1000000, worst ? ", " : "", worst <= 4 ? reasons[worst] : "a child crashed");
    return worst || idle || late_ns / 1000000 > LATE_MS_MOST;
}

// For the host, which compares with its own clock when each line arrives: docs/hypervisor-guide/output.md.
static int clock_marks(int cpu, int secs)
{
    long long until;
    struct timespec pause = {.tv_nsec = 100000000};

    if (run_on(cpu))
        return fail("affinity");
    setvbuf(stdout, NULL, _IOLBF, 0);
    until = now_ns() + secs * NS;
    while (now_ns() < until) {
        printf("@linux_mark cpu=%d ns=%lld\n", cpu, now_ns());
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int order(int secs)
{
    int ids[MAX_CPUS], nr = all_cpus(ids);
    long long until = now_ns() + secs * NS, last = 0, back_ns = 0;
    unsigned long reads = 0;

    while (last < until)
        for (int i = 0; i < nr; i++) {
            if (run_on(ids[i]))
                return fail("affinity");
            for (int n = 0; n < 1000; n++, reads++) {
                long long t = now_ns();

                if (last - t > back_ns)
                    back_ns = last - t;
                last = t;
            }
        }
    printf("%lu reads on %d CPUs, at most %lld ns back\n", reads, nr, back_ns);
    return back_ns > 0;
}

// From one to the other. 0: there is nothing more.
static int pass_on(int from, int to)
{
    char bytes[512];
    ssize_t got = read(from, bytes, sizeof(bytes));

    return got > 0 && write(to, bytes, (size_t)got) == got;
}

// `xl console` reads keys from a terminal only.
static int terminal(char **command)
{
    struct pollfd ends[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
    int status;
    pid_t child = forkpty(&ends[1].fd, NULL, NULL, NULL);

    if (child < 0)
        return fail("forkpty");
    if (child == 0) {
        execvp(command[0], command);
        _exit(fail(command[0]));
    }
    for (;;) {
        if (poll(ends, 2, -1) < 0)
            return fail("poll");
        if (ends[0].revents && !pass_on(STDIN_FILENO, ends[1].fd))
            ends[0].fd = -1; // it ends when the command does
        if (ends[1].revents && !pass_on(ends[1].fd, STDOUT_FILENO))
            break;
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "memory"))
        return memory(atoi(argv[2]), atoi(argv[3]), strtoul(argv[4], NULL, 10));
    if (argc == 3 && !strcmp(argv[1], "load"))
        return load(atoi(argv[2]));
    if (argc == 4 && !strcmp(argv[1], "clock"))
        return clock_marks(atoi(argv[2]), atoi(argv[3]));
    if (argc == 3 && !strcmp(argv[1], "order"))
        return order(atoi(argv[2]));
    if (argc >= 3 && !strcmp(argv[1], "terminal"))
        return terminal(argv + 2);
    fputs(
        "usage: probe memory CPU NODE KIB | load SECS | clock CPU SECS | order SECS | terminal COMMAND...\n",
        stderr);
    return 2;
}
