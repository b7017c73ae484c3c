/*
 * A plugin for QEMU's TCG that counts executed instructions of each CPU from one address to another:
 *
 *   -plugin build/host/count.so,start=0xADDRESS,stop=0xADDRESS
 *
 * On the first execution of `stop` it writes one line to standard error:
 * `count: first=N others=N`, CPU 0 and all others. QEMU's TSC is no use for that with several CPUs: what a
 * CPU has left of its turn when it gets an INIT counts as executed, some 20 million a CPU.
 * Needs -accel tcg,thread=single: the counters are plain.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

int qemu_plugin_version = 1;

static uint64_t start_address, stop_address;
static uint64_t first, others;
static bool counting;

static void executed(unsigned cpu, void *arg)
{
    if (!counting)
        return;
    if (cpu == 0)
        first += (uintptr_t)arg;
    else
        others += (uintptr_t)arg;
}

static void at_start(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    first = others = 0;
    counting = true;
}

static void at_stop(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    if (counting)
        fprintf(stderr, "\ncount: first=%" PRIu64 " others=%" PRIu64 "\n", first, others);
    counting = false;
}

/* A block is counted when it is entered: one that an exception leaves early counts whole. */
static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);

    (void)id;
    if (address == start_address)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, at_start, 0, NULL);
    if (address == stop_address)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, at_stop, 0, NULL);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, (void *)(uintptr_t)qemu_plugin_tb_n_insns(tb));
}

int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "start=", 6))
            start_address = strtoull(argv[i] + 6, NULL, 0);
        else if (!strncmp(argv[i], "stop=", 5))
            stop_address = strtoull(argv[i] + 5, NULL, 0);
        else
            return -1;
    }
    if (!start_address || !stop_address)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
