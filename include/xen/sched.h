/* __HYPERVISOR_sched_op(cmd, arg): give up the CPU, wait, end. Facts: Xen's public/sched.h, 4.17. */
#ifndef XEN_SCHED_H
#define XEN_SCHED_H

#include <xen/xen.h>
#include <xen/event_channel.h>

#define SCHEDOP_yield           0
#define SCHEDOP_block           1
#define SCHEDOP_shutdown        2
#define SCHEDOP_poll            3
#define SCHEDOP_remote_shutdown 4
#define SCHEDOP_watchdog        6

#define SHUTDOWN_poweroff   0
#define SHUTDOWN_reboot     1
#define SHUTDOWN_suspend    2
#define SHUTDOWN_crash      3
#define SHUTDOWN_watchdog   4
#define SHUTDOWN_soft_reset 5
#define SHUTDOWN_MAX        5

struct sched_shutdown {
    unsigned int reason; /* SHUTDOWN_* */
};

struct sched_poll {
    XEN_GUEST_HANDLE(evtchn_port_t) ports;
    unsigned int nr_ports;
    u64 timeout; /* absolute system time in ns, 0: none */
};

struct sched_remote_shutdown {
    domid_t domain_id;
    unsigned int reason;
};

_Static_assert(sizeof(struct sched_shutdown) == 4, "public/sched.h");
_Static_assert(sizeof(struct sched_poll) == 24, "public/sched.h");
_Static_assert(sizeof(struct sched_remote_shutdown) == 8, "public/sched.h");

#endif
