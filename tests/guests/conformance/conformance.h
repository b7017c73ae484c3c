/*
 * The conformance domain 0: every hypercall and sub-operation that Homestead and Xen 4.17 both have, each
 * with good and with bad arguments. Each case prints one line, the same on every run:
 *
 *   @case call=domctl.max_mem case=unknown_domain rc=-ESRCH
 *   @case call=memory_op.populate_physmap case=2m_exact_node rc=1 tot=0>512 out=1024>512 node1=-512
 *
 * tests/oracle compares the transcripts of both hypervisors. The program does not judge: it prints what a
 * hypervisor does. Figures that depend on the machine are printed as a difference or as yes or no.
 * Released interfaces only.
 *
 * The same image is the helper guest (helper.c), which makes hypercalls for domain 0 without its privilege.
 */
#ifndef GUEST_CONFORMANCE_H
#define GUEST_CONFORMANCE_H

#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/xc.h>

extern xc_interface *xch;

/* --- report.c: the transcript -------------------------------------------------------------------------- */

/* Cases that follow belong to this group: one of the names in main.c's table. */
void group_begin(const char *name);
u32 nr_cases(void);

/* What is read before and after each case, and printed where it has changed: */
enum watch {
    WATCH_NOTHING = 0,
    WATCH_DOMAIN = 1, /* tot, max, out (claims), paging pool, and whether the domain is dying or gone */
    WATCH_HOST = 2,   /* the host's free pages (as a difference) and claims. Only where no page is the
                         hypervisor's own business */
    WATCH_NODES = 4,  /* the nodes' free pages, as differences */
};
/* From now on; group_begin() watches nothing. */
void watch(u32 domid, u32 what);

/* Use CASE. case_end() prints the line; fmt adds ` key=value` pairs of its own, with a leading blank, or is
 * "". */
void case_begin(void);
void case_end(const char *call, const char *name, long rc, const char *fmt, ...) PRINTF(4, 5);

#define CASE(call, name, expr) \
    do { \
        case_begin(); \
        long case_rc_ = (expr); \
        case_end(call, name, case_rc_, "%s", ""); \
    } while (0)
/* The same with values that the call has written: CASE_SHOW("x", "y", call(&v), " value=%u", v). They are
 * evaluated after the call, whether it failed or not. */
#define CASE_SHOW(call, name, expr, ...) \
    do { \
        case_begin(); \
        long case_rc_ = (expr); \
        case_end(call, name, case_rc_, __VA_ARGS__); \
    } while (0)

/* --- calls.c: hypercalls by their parts ---------------------------------------------------------------- */

/* These fill in the interface version where it is 0. domctl/sysctl: op's own version is sent if it is not 0.
 */
long domctl(struct xen_domctl *op);
long sysctl(struct xen_sysctl *op);
long memory_op(u64 cmd, const void *arg);
long evtchn_op(u64 cmd, const void *arg);
long sched_op(u64 cmd, const void *arg);
long vcpu_op(u64 cmd, u64 vcpu, const void *arg);
long hvm_op(u64 cmd, const void *arg);
long version_op(u64 cmd, const void *arg);
/* From 32-bit code (CS.L = 0): structures have the 32-bit layout, pointers are below 4 GiB. call32.asm */
s64 hypercall32(u32 nr, u32 a1, u32 a2, u32 a3, u32 a4, u32 a5);

/* Invalid pointers. bad_ptr(): canonical, not mapped by our page tables. hole_ptr(): mapped by them to a
 * hole in memory. edge_ptr(bytes): memory for so many bytes, then a hole. */
void *bad_ptr(void);
void *noncanonical_ptr(void);
void *hole_ptr(void);
void *edge_ptr(u64 bytes);

/* --- domains.c: domains for the cases --------------------------------------------------------------- */

#define DOMID_UNKNOWN 0x7fefu /* the highest id there is; nobody has it */

/* Finds room in our own physical space. Before anything is mapped. */
void domains_init(void);
/* A domain with 1 vCPU that is not initialised, max_pages as limit and a sufficient paging pool. Ends the run
 * with a message if that fails. Returns its id. */
u32 domain_new(u64 max_pages);
u32 domain_new_vcpus(u64 max_pages, u32 vcpus);
/* Destroys it and waits until the id is gone. */
void domain_end(u32 domid);
/* getdomaininfo of exactly this domain; false: there is none. */
bool domain_info(u32 domid, xc_domaininfo_t *info);
/* One extent of a domain's memory from `node` exactly (NODE_ANY: anywhere), at gfn; returns the number of
 * extents done or -errno. */
#define NODE_ANY 0xffffffffu
long domain_populate(u32 domid, u64 gfn, u32 order, u32 node);
/* getnodeaffinity: a bit for each node; 0: the call failed. */
u64 node_affinity(u32 domid);
/*
 * A limit on waiting for others: ms, but not before this vCPU has had some thousands of turns. The clock goes on while the host
 * runs none of us.
 */
struct patience {
    u64 end_ms;
    u32 turns;
};
struct patience patience_of(u32 ms);
/* Yields. False: it is over. */
bool patience_yield(struct patience *p);
/* Waits (some 10 ms at most) until the hypervisor has freed memory whose freeing it defers. */
void settle(void);

/* Frame numbers of our own physical space where nothing is mapped, for cases: `index` up to CASE_GFNS - 1. */
#define CASE_GFNS 64u
u64 case_gfn(u32 index);
/* The hardware domain's frames [case_gfn(index)..] mapped to frame gfn of a domain; 0 or -errno. unmap_gfn()
 * gives it back. */
long map_foreign_gfn(u32 index, u32 domid, u64 gfn);
long unmap_gfn(u32 index);
/* Where case_gfn(index) is in our memory. */
void *case_page(u32 index);

/* --- helper.c: an unprivileged caller --------------------------------------------------------------- */

/* Of case_gfn(): the helper's mailbox and its data page, beyond those of the cases. */
#define HELPER_GFN CASE_GFNS

/* Starts it (16 MiB, 1 vCPU). One at a time. Returns its domid. Stops the run if that fails. */
u32 helper_start(void);
u32 helper_start_vcpus(u32 vcpus); /* only the first is up */
/* before() is called at the end, before it runs. NULL: nothing is. */
u32 helper_start_with(u32 vcpus, void (*before)(u32 domid));
void helper_stop(void);
/* The helper shuts down with this code, soon; helper_stop() must still be called. */
void helper_shutdown(u32 reason);
/* The hypercall made by the helper. Its pointers are helper_gaddr() (+ offset), where helper_data() is ours;
 * one page. */
long helper_call(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
long helper_call32(u32 nr, u32 a1, u32 a2, u32 a3, u32 a4, u32 a5);
/* One instruction of the helper's. -EFAULT: #GP; gaddr: also where nothing is mapped. */
long helper_rdmsr(u32 msr, u64 *value);
long helper_wrmsr(u32 msr, u64 value);
u32 helper_in(u16 port, u32 bytes); /* of all ones, what it reads */
u64 helper_load(u64 gaddr, u32 bytes);
void helper_store(u64 gaddr, u32 bytes, u64 value);
/* The same, without an answer: the helper may not come back from it. */
void helper_store_last(u64 gaddr, u32 bytes, u64 value);
struct cpuid_regs helper_cpuid(u32 leaf);
long helper_set_cr4(u64 bits); /* CR4 has them for a moment. -EFAULT: #GP */

void *helper_data(void); /* not zeroed */
u64 helper_gaddr(void);
/* It works on grants for a while, see helper.c, and meanwhile we go on. helper_wait(): until it has ended; its result. */
void helper_begin_revoking(u64 flags_gaddr, u64 counter_gaddr, u64 rounds);
void helper_begin_mapping(u64 op_gaddr, u64 rounds);
void helper_begin_copying(u64 op_gaddr, u64 to_gaddr, u64 rounds);
bool helper_busy(void);
long helper_wait(void);
/* The helper's body, entered instead of the cases in a domain that is not domain 0. */
NORETURN void helper_main(void);

/* --- the groups, cases_NAME.c: see main.c ----------------------------------------------------------- */

void cases_calling(void);
void cases_claim(void);
void cases_redeem(void);
void cases_memory(void);
void cases_extents(void);
void cases_physmap(void);
void cases_physmap_batch(void); /* a part of physmap */
void cases_foreign(void);
void cases_create(void);
void cases_domctl(void);
void cases_life(void);
void cases_affinity(void);
void cases_context(void);
void cases_events(void);
void cases_hvm(void);
void cases_vcpu(void);
void cases_sched(void);
void cases_vnuma(void);
void cases_grants(void);
void cases_xl(void);
void cases_xl_domain(void); /* a part of xl */
void cases_fifo(void);
void cases_policy(void);
void cases_pod(void);
void cases_sysctl(void);
void cases_version(void);
void cases_multicall(void);
void cases_compat(void);
void cases_compat_calls(void); /* a part of compat */
void cases_guest(void);
void cases_apic(void);
void cases_areas(void);
void cases_platform(void);

/* Ends the run with a message: domain 0 itself cannot go on. */
NORETURN void give_up(const char *what, long rc);

#endif
