/* The beginning of the hypervisor's messages, as `xl dmesg` reads them. */
#include <docs/samples/guest/samples.h>

int read_console_sample(void)
{
    static char text[1024];
    struct xen_sysctl op = {.u.readconsole = {.buffer = XEN_HANDLE(text), .count = sizeof(text)}};

    long rc = sysctl(&op, XEN_SYSCTL_readconsole);
    if (rc)
        return (int)rc;
    printf("samples: %u bytes, the next begin at %u\n", op.u.readconsole.count, op.u.readconsole.index);
    return op.u.readconsole.count ? 0 : SURPRISE;
}
