/* The machine and the kernel's files. */
#include "lab.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODES "/sys/devices/system/node"

bool host_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    ssize_t length = (ssize_t)strlen(text);

    if (fd < 0)
        return false;
    bool ok = write(fd, text, (size_t)length) == length;
    close(fd);
    return ok;
}

static void pool_of(int node, int pages)
{
    char path[128], number[16];

    snprintf(path, sizeof(path), NODES "/node%d/hugepages/hugepages-2048kB/nr_hugepages", node);
    snprintf(number, sizeof(number), "%d", pages);
    if (!host_write(path, number))
        printf("no %d huge pages on node %d\n", pages, node);
}

void host_pool(int node0, int node1)
{
    pool_of(0, node0);
    pool_of(1, node1);
}

int host_free(int node)
{
    char path[64], line[256];
    long kib = -1;

    snprintf(path, sizeof(path), NODES "/node%d/meminfo", node);
    FILE *file = fopen(path, "r");
    while (file && kib < 0 && fgets(line, sizeof(line), file)) {
        const char *found = strstr(line, "MemFree:");
        if (found)
            kib = atol(found + strlen("MemFree:"));
    }
    if (file)
        fclose(file);
    return kib < 0 ? -1 : (int)(kib / 2048);
}

void host_prepare(void)
{
    static const struct {
        const char *type, *at;
    } mounts[] = {{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"cgroup2", "/cgroup"}};

    for (unsigned i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
        mkdir(mounts[i].at, 0755);
        mount(mounts[i].type, mounts[i].at, mounts[i].type, 0, "");
    }
    int fd = open("/dev/console", O_RDWR);
    for (int i = 0; fd >= 0 && i < 3; i++)
        dup2(fd, i);
    setvbuf(stdout, NULL, _IOLBF, 0);

    mkdir("/cgroup/lab", 0755); /* fails below if there is no cpuset */
    host_write("/cgroup/cgroup.subtree_control", "+cpuset");
    if (!host_write("/cgroup/lab/cpuset.mems", "1"))
        printf("no cpuset\n");
    host_write("/sys/kernel/mm/transparent_hugepage/enabled", "never");
    host_write("/proc/sys/kernel/numa_balancing", "0");
    host_write("/proc/sys/vm/nr_overcommit_hugepages", "0");
    host_write("/proc/sys/kernel/printk", "1"); /* what it says of a kill must not break a line */
}

int host_option(const char *name, int otherwise)
{
    char line[2048] = "";
    FILE *file = fopen("/proc/cmdline", "r");

    if (!file || !fgets(line, sizeof(line), file))
        line[0] = 0;
    if (file)
        fclose(file);
    const char *found = strstr(line, name);
    return found && found[strlen(name)] == '=' ? atoi(found + strlen(name) + 1) : otherwise;
}
