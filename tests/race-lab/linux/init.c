/*
 * PID 1: holds each race and prints how it ended. `race.rounds=N` on the kernel's command line: how often those are held
 * in which the builders are not kept in step.
 */
#define _GNU_SOURCE
#include "lab.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

struct lab *lab;

static const struct variant in_turns[] = {
    {"fits", HUGE_PAGES, BIND, STORE, TURNS, HOLDS, {32, 32}, 0},
    {"turns", HUGE_PAGES, BIND, STORE, TURNS, HOLDS, {40, 40}, 0},
    {"turns_gone", HUGE_PAGES, BIND, STORE, TURNS, GOES, {40, 40}, 0},
    {"in_order", HUGE_PAGES, BIND, STORE, IN_ORDER, HOLDS, {40, 40}, 0},
    {"in_order_populate", HUGE_PAGES, BIND, POPULATE, IN_ORDER, HOLDS, {40, 40}, 0},
    {"too_large", HUGE_PAGES, BIND, STORE, IN_ORDER, HOLDS, {80, 0}, 0},
    {"preferred", HUGE_PAGES, PREFER, STORE, TURNS, HOLDS, {40, 40}, 0},
    {"preferred_in_order", HUGE_PAGES, PREFER, STORE, IN_ORDER, HOLDS, {40, 40}, 0},
    {"host_full", HUGE_PAGES, PREFER, STORE, TURNS, HOLDS, {60, 70}, 0},
    {"task_fits", HUGE_PAGES, TASK, STORE, IN_ORDER, HOLDS, {32, 32}, 0},
    {"task_too_large", HUGE_PAGES, TASK, STORE, IN_ORDER, HOLDS, {80, 0}, 0},
    {"task_in_order", HUGE_PAGES, TASK, STORE, IN_ORDER, HOLDS, {40, 40}, 0},
    {"task_map_filled", HUGE_PAGES, TASK, MAP_FILLED, IN_ORDER, HOLDS, {40, 40}, 0},
    {"task_turns", HUGE_PAGES, TASK, STORE, TURNS, HOLDS, {40, 40}, 0},
    {"cpuset_in_order", HUGE_PAGES, CPUSET, STORE, IN_ORDER, HOLDS, {40, 40}, 0},
    {"cpuset_turns", HUGE_PAGES, CPUSET, STORE, TURNS, HOLDS, {40, 40}, 0},
};
static const struct variant at_once[] = {
    {"free", HUGE_PAGES, BIND, STORE, AT_ONCE, HOLDS, {40, 40}, 0},
    {"free_gone", HUGE_PAGES, BIND, STORE, AT_ONCE, GOES, {40, 40}, 0},
    {"free_small", SMALL_PAGES, BIND, STORE, AT_ONCE, HOLDS, {80, 80}, 0},
    {"free_small_bystander", SMALL_PAGES, BIND, STORE, AT_ONCE, HOLDS, {80, 80}, 100},
};

static pid_t pid[WHO]; /* 0: not there, or dead */
static int status[WHO];

static void start(const struct variant *v, int who)
{
    pid[who] = fork();
    if (pid[who] == 0) {
        if (who == 2)
            bystander_run(v);
        builder_run(v, who);
    }
}

/* One that has died is over; what it had is free by then. */
static void look_for_dead(void)
{
    for (int who = 0; who < WHO; who++) {
        if (pid[who] > 0 && waitpid(pid[who], &status[who], WNOHANG) == pid[who]) {
            pid[who] = 0;
            lab->b[who].mapped = lab->b[who].over = true;
        }
    }
}

static void wait_for(const _Atomic bool *what)
{
    while (!*what) {
        look_for_dead();
        usleep(500);
    }
}

/* Pages. A census can miss some that the kernel is moving. */
static long got_of(const struct builder *b)
{
    long seen = b->here + b->away;

    return seen > b->touched ? seen : b->touched;
}

static const char *end_of(const struct variant *v, int who)
{
    const struct builder *b = &lab->b[who];
    long all = who == 2 ? v->bystander : v->want[who],
         each = v->memory == HUGE_PAGES && who < 2 ? 1 : EXTENT / 4096;

    if (b->policy_error)
        return "error";
    if (b->map_error)
        return b->map_error == ENOMEM ? "refused" : "error";
    if (b->bus)
        return "sigbus";
    if (WIFSIGNALED(status[who]))
        return WTERMSIG(status[who]) == SIGKILL ? "oom" : "error";
    if (b->populate_error)
        return b->populate_error == EFAULT ? "efault" : "error";
    return got_of(b) < all * each ? "short" : "complete";
}

/* Only huge pages are reserved. */
static void tell(const struct variant *v, int who, int round)
{
    static const char *const name[WHO] = {"A", "B", "bystander"};
    const struct builder *b = &lab->b[who];
    long each = v->memory == HUGE_PAGES && who < 2 ? 1 : EXTENT / 4096;
    bool reserves = each == 1;
    char claim[16] = "none";

    if (reserves)
        snprintf(claim, sizeof(claim), "%d", -b->map_error);
    printf("@race variant=%s round=%d builder=%s claim=%s tries=%d asked=%d got=%ld away=%ld end=%s\n",
           v->name, round, name[who], claim, reserves, who == 2 ? v->bystander : v->want[who],
           got_of(b) / each, b->away / each, end_of(v, who));
}

static void hold(const struct variant *v, int round)
{
    int builders = v->want[1] ? 2 : 1;

    memset(lab, 0, sizeof(*lab));
    memset(status, 0, sizeof(status));
    host_pool(0, 0);
    if (v->memory == HUGE_PAGES)
        host_pool(ROOM, ROOM);
    else
        host_pool(host_free(0) - LEFT, host_free(1) - LEFT);
    if (v->bystander) {
        start(v, 2);
        wait_for(&lab->b[2].mapped);
    }
    for (int who = 0; who < builders; who++) {
        start(v, who);
        wait_for(&lab->b[who].mapped);
        if (v->order == IN_ORDER) {
            lab->go[who] = true;
            wait_for(&lab->b[who].over);
        }
    }
    lab->go[0] = lab->go[1] = true;
    for (int who = 0; who < builders; who++)
        wait_for(&lab->b[who].over);
    usleep(20000); /* a process that the OOM killer has chosen */
    look_for_dead();
    lab->release = true;
    for (int who = 0; who < WHO; who++)
        while (pid[who] > 0)
            look_for_dead();
    for (int who = 0; who < builders; who++)
        tell(v, who, round);
    if (v->bystander)
        tell(v, 2, round);
}

int main(void)
{
    struct utsname name;

    host_prepare();
    lab = mmap(NULL, sizeof(*lab), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uname(&name);
    printf("Linux %s, node 0 has %d MiB free, node 1 %d MiB\n", name.release, host_free(0) * 2,
           host_free(1) * 2);
    for (unsigned i = 0; i < sizeof(in_turns) / sizeof(*in_turns); i++)
        hold(&in_turns[i], 0);
    for (unsigned i = 0; i < sizeof(at_once) / sizeof(*at_once); i++)
        for (int round = 0; round < host_option("race.rounds", 0); round++)
            hold(&at_once[i], round);
    printf("@verdict result=PASS\n");
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}
