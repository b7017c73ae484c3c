/*
 * A plugin for QEMU's TCG that counts how often each translated block runs between two addresses:
 *
 *   -plugin build/host/profile.so,start=0xADDRESS,stop=0xADDRESS,out=FILE
 *
 * Counting goes on from each execution of `start` to the next of `stop`, as often as that happens. When QEMU
 * ends, FILE has a line `windows N`, then a line `ADDRESS INSTRUCTIONS EXECUTIONS` for each block. Each
 * repetition of a string instruction is a block of one instruction, as icount counts it. A block that an
 * exception leaves early counts whole. Needs -accel tcg,thread=single: the counters are plain.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

int qemu_plugin_version = 1;

/* A block may be translated many times; its record stays. Records are never freed. */
struct block {
    uint64_t address;
    uint64_t instructions;
    uint64_t executions;
    struct block *next;
};

#define BUCKETS 65536u

static struct block *buckets[BUCKETS];
static uint64_t start_address, stop_address, windows;
static const char *out;
static bool counting;

static struct block *find(uint64_t address, uint64_t instructions)
{
    struct block **bucket = &buckets[(address ^ address >> 16) % BUCKETS];

    for (struct block *b = *bucket; b; b = b->next) {
        if (b->address == address && b->instructions == instructions)
            return b;
    }
    struct block *b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    *b = (struct block){.address = address, .instructions = instructions, .next = *bucket};
    *bucket = b;
    return b;
}

static void executed(unsigned cpu, void *arg)
{
    (void)cpu;
    if (counting)
        ((struct block *)arg)->executions++;
}

static void at_start(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    if (!counting)
        windows++;
    counting = true;
}

static void at_stop(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    counting = false;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);

    (void)id;
    if (address == start_address)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, at_start, 0, NULL);
    if (address == stop_address)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, at_stop, 0, NULL);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, find(address, qemu_plugin_tb_n_insns(tb)));
}

static void at_exit(plugin_id id, void *arg)
{
    FILE *f = fopen(out, "w");

    (void)id;
    (void)arg;
    if (!f) {
        perror(out);
        return;
    }
    fprintf(f, "windows %" PRIu64 "\n", windows);
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (const struct block *b = buckets[i]; b; b = b->next) {
            if (b->executions)
                fprintf(f, "%#" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->address, b->instructions, b->executions);
        }
    }
    fclose(f);
}

int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "start=", 6))
            start_address = strtoull(argv[i] + 6, NULL, 0);
        else if (!strncmp(argv[i], "stop=", 5))
            stop_address = strtoull(argv[i] + 5, NULL, 0);
        else if (!strncmp(argv[i], "out=", 4))
            out = strdup(argv[i] + 4);
        else
            return -1;
    }
    if (!start_address || !stop_address || !out)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
