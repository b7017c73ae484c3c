# Homestead's build. `make` builds everything, `make help` lists the targets.
# Variables: CROSS_COMPILE, CONFIG=release|debug, V=1 (show commands).

CROSS_COMPILE ?= x86_64-linux-gnu-
CONFIG        ?= release
V             ?= 0
PYTHON        ?= /usr/bin/python3

CC      := $(CROSS_COMPILE)gcc
LD      := $(CROSS_COMPILE)ld
NM      := $(CROSS_COMPILE)nm
OBJCOPY := $(CROSS_COMPILE)objcopy
READELF := $(CROSS_COMPILE)readelf
HOSTCC  ?= gcc
NASM    ?= nasm

ifeq ($(V),1)
Q :=
say :=
else
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
endif

# release builds live in build/, debug builds in build/debug/.
ifeq ($(CONFIG),release)
O := build
OPT := -O2
OPT_RARE := -Os
else ifeq ($(CONFIG),debug)
O := build/debug
OPT := -Og -DDEBUG
else
$(error CONFIG must be release or debug, not '$(CONFIG)')
endif

.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:
# A changed Makefile rebuilds everything: flags are part of what an object depends on.
MAKEFILES_USED := Makefile linker.ld $(wildcard boot/efi/efi.mk guest/guest.mk tests/tests.mk tools/tools.mk toolstack/toolstack.mk toolstack/*/*.mk)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wpointer-arith \
        -Wwrite-strings -Wvla -Wimplicit-fallthrough -Werror
CFLAGS_FREE := -std=gnu11 $(OPT) -g $(WARN) -ffreestanding -fno-builtin-printf -fno-stack-protector -fno-common \
        -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -mno-red-zone -mgeneral-regs-only \
        -fcf-protection=none -fno-strict-aliasing -fno-pic -fno-pie -Iinclude -I. -MMD -MP

# --- the hypervisor --------------------------------------------------------------------------------------
# -mcmodel=kernel: linked in the top 2 GiB.
HV_CFLAGS := $(CFLAGS_FREE) -Wconversion -Wno-sign-conversion -mcmodel=kernel -DHOMESTEAD
HV_DIRS := lib arch/x86/cpu arch/x86/cpu/debug arch/x86/acpi mm arch/x86/hvm arch/x86/hvm/svm arch/x86/hvm/vmx domain domain/debug \
        domain/dom0 domain/evtchn domain/grant domain/physmap domain/sched hypercall boot
HV_C    := $(filter-out arch/x86/cpu/asm_offsets.c,$(wildcard $(HV_DIRS:%=%/*.c)))
HV_ASM  := $(wildcard $(HV_DIRS:%=%/*.asm))
# Rarely run: small rather than fast.
HV_RARE := $(wildcard domain/debug/*.c arch/x86/cpu/debug/*.c) mm/check.c domain/mmio.c domain/string_io.c arch/x86/cpu/civil_time.c \
        $(addprefix arch/x86/hvm/,insn.c guest_dump.c cpu_policy.c cpu_policy_list.c) hypercall/cpu_policy.c \
        $(addprefix arch/x86/hvm/vmx/,capability.c enable.c entry_checks.c fields.c host_checks.c pdptes.c words.c)
$(HV_RARE:%.c=$(O)/hv/%.o): HV_CFLAGS += $(OPT_RARE)
HV_OBJ  := $(HV_C:%.c=$(O)/hv/%.o) $(HV_ASM:%.asm=$(O)/hv/%.asm.o)
OFFSETS := $(O)/hv/asm_offsets.inc
# Only booting needs these: their sections get the prefix .init, and their memory is given back (boot/give_back.c).
# tools/check-init.py proves that nothing else refers to them.
INIT_FILES := $(filter-out boot/enter_run_loop.c boot/give_back.c boot/host_topology.c arch/x86/acpi/ram_nodes.c, \
        $(wildcard boot/*.c boot/*.asm arch/x86/acpi/*.c domain/dom0/*.c)) arch/x86/cpu/tsc_sync.c arch/x86/cpu/spec_ctrl.c lib/elf.c lib/guest_acpi.c
init_sections = $(if $(filter $<,$(INIT_FILES)),$(Q)$(OBJCOPY) --prefix-alloc-sections=.init $@)

.PHONY: all hypervisor clean distclean help
all: hypervisor efi guests
hypervisor: $(O)/homestead $(O)/homestead.elf

$(O)/hv/%.o: %.c $(MAKEFILES_USED)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -c $< -o $@
	$(init_sections)

# Struct offsets used by assembly come from the C declarations, never typed by hand.
$(O)/hv/asm_offsets.s: arch/x86/cpu/asm_offsets.c $(MAKEFILES_USED)
	$(call say,OFFSETS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -MF $(O)/hv/asm_offsets.d -MT $@ -S $< -o $@

$(OFFSETS): $(O)/hv/asm_offsets.s
	$(Q)sed -n 's/^.*@@ \([A-Za-z0-9_]*\) \$$*\(-\{0,1\}[0-9]*\).*$$/%define \1 \2/p' $< > $@

$(O)/hv/%.asm.o: %.asm $(OFFSETS) arch/x86/cpu/spec_ctrl.inc $(MAKEFILES_USED)
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -g -F dwarf -w+all -Werror -I$(O)/hv/ -I. -MD $(@:.o=.d) -MP -o $@ $<
	$(init_sections)

# Two links: the first fixes the addresses, from which the symbol table for backtraces is made; the table
# has a section of its own behind everything else, so the second link moves nothing.
LDFLAGS := -nostdlib -static -z max-page-size=0x1000 -z noexecstack --build-id=none --no-warn-rwx-segments -T linker.ld

$(O)/hv/nosyms.elf: $(HV_OBJ) linker.ld
	$(call say,LD,$@)
	$(Q)$(LD) $(LDFLAGS) -o $@ $(HV_OBJ)

$(O)/hv/symbols.c: $(O)/hv/nosyms.elf tools/symbols.py
	$(call say,SYMBOLS,$@)
	$(Q)$(NM) -n $< | $(PYTHON) tools/symbols.py > $@

$(O)/hv/symbols.o: $(O)/hv/symbols.c
	$(Q)$(CC) $(HV_CFLAGS) -c $< -o $@

$(O)/homestead.elf: $(HV_OBJ) $(O)/hv/symbols.o linker.ld tools/check-init.py
	$(call say,LD,$@)
	$(Q)$(PYTHON) tools/check-init.py $(READELF) $(HV_OBJ)
	$(Q)$(LD) $(LDFLAGS) -Map=$(O)/homestead.map -o $@ $(HV_OBJ) $(O)/hv/symbols.o

# Multiboot loaders, QEMU's included, take 32-bit ELF only: the same bytes in another container.
$(O)/homestead: $(O)/homestead.elf
	$(call say,OBJCOPY,$@)
	$(Q)$(OBJCOPY) --strip-all -I elf64-x86-64 -O elf32-i386 $< $@

# `make obj-mm` compiles one directory of the hypervisor, e.g. obj-arch/x86/acpi.
define obj_rule
.PHONY: obj-$(1)
obj-$(1): $(filter $(O)/hv/$(1)/%,$(HV_OBJ))
endef
$(foreach d,$(HV_DIRS),$(eval $(call obj_rule,$(d))))

# --- the other parts -------------------------------------------------------------------------------------
-include boot/efi/efi.mk
-include guest/guest.mk
-include tools/tools.mk
-include docs/docs.mk
-include toolstack/toolstack.mk
-include tests/tests.mk

clean:
	rm -rf build

distclean: clean
	rm -f compile_commands.json

-include $(HV_OBJ:.o=.d) $(O)/hv/asm_offsets.d
