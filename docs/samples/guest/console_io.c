/* A line on the machine's serial console, and what has been typed there. */
#include <docs/samples/guest/samples.h>

int console_io_sample(void)
{
    static char text[] = "samples: written by console_io\n", typed[128];

    long rc = hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, sizeof(text) - 1, XEN_HANDLE(text), 0, 0);
    if (rc)
        return (int)rc;
    /* Does not wait: 0 if there is nothing. */
    rc = hypercall(__HYPERVISOR_console_io, CONSOLEIO_read, sizeof(typed), XEN_HANDLE(typed), 0, 0);
    return rc < 0 ? (int)rc : 0;
}
