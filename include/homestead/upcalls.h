/*
 * The known calls from a lower floor to a higher one, each with its reason. Before adding one, ask
 * whether a return value would do. tools/check-layers.py allows exactly these.
 *
 *   assert_failed        lib → cpu          a failed assertion ends in panic(), which needs the console
 *   printk               lib → cpu          every floor reports; the console is hardware
 *   lock_check_take/drop lib → cpu          debug builds keep the levels held per CPU
 *   cpu_relax            lib → cpu          who waits for a lock serves other CPUs' calls meanwhile
 *   mem_account_find     mm → domain        a frame knows its owner by id only
 *   hypercall_dispatch   domain → hypercall the exit handler meets hypercalls among the exits
 */
#ifndef HOMESTEAD_UPCALLS_H
#define HOMESTEAD_UPCALLS_H
#endif
