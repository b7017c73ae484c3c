/*
 * A plugin for QEMU's TCG that counts instructions between two addresses:
 *
 *   -plugin
 * build/host/profile.so,start=0xADDRESS,stop=0xADDRESS,out=FILE[,part_in=0xADDRESS,part_out=0xADDRESS...]
 *
 * Counting goes on from each execution of `start` to the next of `stop`: a window. When QEMU ends, FILE has a
 * line `window INSTRUCTIONS PART CALLS` for each window, in order, and a line `block ADDRESS INSTRUCTIONS
 * EXECUTIONS` for each translated block that ran in one. PART are the instructions from an execution of
 * `part_in`, a function, to one of `part_out`, where it may return to; CALLS how often that was.
 *
 * Each repetition of a string instruction is a block of one instruction, as icount counts it. A block that an
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

struct window {
    uint64_t instructions, part, calls;
};

#define BUCKETS 65536u
#define OUTS    64u

static struct block *buckets[BUCKETS];
static struct window *windows;
static size_t nr_windows, room;
static uint64_t start_address, stop_address, part_in;
static uint64_t part_out[OUTS];
static unsigned nr_outs;
static const char *out;
static bool counting, in_part;

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
    struct block *b = arg;

    (void)cpu;
    if (!counting)
        return;
    b->executions++;
    windows[nr_windows - 1].instructions += b->instructions;
    if (in_part)
        windows[nr_windows - 1].part += b->instructions;
}

static void at_start(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    if (nr_windows == room) {
        room = room ? 2 * room : 1024;
        windows = realloc(windows, room * sizeof(*windows));
        if (!windows)
            abort();
    }
    if (!counting)
        windows[nr_windows++] = (struct window){0};
    counting = true;
    in_part = false;
}

static void at_stop(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    counting = false;
}

static void at_part_in(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    if (counting)
        windows[nr_windows - 1].calls++;
    in_part = true;
}

static void at_part_out(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    in_part = false;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);

    (void)id;
    if (address == start_address)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, at_start, 0, NULL);
    if (address == stop_address)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, at_stop, 0, NULL);
    if (address == part_in)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, at_part_in, 0, NULL);
    for (unsigned i = 0; i < nr_outs; i++) {
        if (address == part_out[i])
            qemu_plugin_register_vcpu_tb_exec_cb(tb, at_part_out, 0, NULL);
    }
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
    for (size_t i = 0; i < nr_windows; i++)
        fprintf(f, "window %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", windows[i].instructions, windows[i].part,
                windows[i].calls);
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (const struct block *b = buckets[i]; b; b = b->next) {
            if (b->executions)
                fprintf(f, "block %#" PRIx64 " %" PRIu64 " %" PRIu64 "\n", b->address, b->instructions,
                        b->executions);
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
        else if (!strncmp(argv[i], "part_in=", 8))
            part_in = strtoull(argv[i] + 8, NULL, 0);
        else if (!strncmp(argv[i], "part_out=", 9) && nr_outs < OUTS)
            part_out[nr_outs++] = strtoull(argv[i] + 9, NULL, 0);
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
