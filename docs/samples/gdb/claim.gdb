# gdb -x docs/samples/gdb/claim.gdb build/homestead.elf: docs/tutorials/gdb.md
set pagination off
target remote :1234

# Before paging is on only a hardware breakpoint works.
hbreak boot_main
continue
backtrace

# Later any breakpoint does: the first guest's claim.
break domctl_claim_memory if ctl->op.domain == 1
continue
backtrace 3
print ctl->op.domain
print ctl->op.u.claim_memory.nr_claims

# What the caller gets.
finish
delete

# Domain 0's program: guest-physical addresses, which are its virtual ones.
symbol-file build/guest/dom0.elf
hbreak xc_domain_unpause
continue
backtrace 3
print domid
