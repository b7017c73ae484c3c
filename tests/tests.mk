# Host tests: tests/unit/DIR/NAME_test.c in folders like the product's, each one program under ASan and UBSan; tests/machine/test.h is how
# they are written. Two archives are built once for each kind of build and linked with every test, which takes of them what it needs:
#   KIND/product.a  the product as far as it runs on a host
#   KIND/machine.a  tests/machine/: what the product needs from below, first in the link
#   KIND/stress.a   tests/stress/, only for those who run it: before both
# The first definition of a name counts: a test that defines a function itself replaces it.

TEST_CFLAGS := -std=gnu11 -O1 -g -DDEBUG -DHOST_TEST $(filter-out -Wmissing-prototypes,$(WARN)) -fsanitize=address,undefined \
        -fno-sanitize-recover=all -fno-omit-frame-pointer -ftrivial-auto-var-init=pattern -Wno-format-truncation -D_GNU_SOURCE -Iinclude -I. -MMD -MP
# Not on a host: what drives hardware, and what the C library has.
HARDWARE_C  := $(addprefix arch/x86/cpu/,apic.c asm_offsets.c console.c efi_runtime.c nmi.c paging.c panic.c percpu.c smp.c spec_ctrl_cpu.c \
        stop.c symbols.c time.c traps.c debug/watchdog.c) $(addprefix arch/x86/hvm/,guest_dump.c svm/svm.c vmx/invalidate.c vmx/enable.c vmx/fields.c vmx/registers.c vmx/vmx.c) \
        $(addprefix boot/,cpu_memory.c enter_run_loop.c entry.c give_back.c host_topology.c main.c memory_setup.c start_cpus.c) lib/string.c lib/printf.c
PRODUCT_C   := $(filter-out $(HARDWARE_C),$(wildcard $(HV_DIRS:%=%/*.c))) \
        $(filter-out %/files.c %/firmware.c %/loader.c,$(wildcard boot/efi/*.c)) \
        $(addprefix guest/dom0/,bzimage.c cpio.c cpus.c decode.c explain.c heap.c kernels.c layout.c ring.c terminal.c \
        vnuma.c xlcfg.c xlevents.c xlnotes.c xlsyntax.c xltoken.c xlvnuma.c) \
        tools/acpi-topology/memmap.c tools/acpi-topology/table_file.c tools/homestead-check/judge.c tools/homestead-check/parse.c \
        $(filter-out %/clock.c %/command.c %/host.c %/main.c %/xen.c,$(wildcard toolstack/hsctl/*.c))
STRESS_C    := $(filter-out tests/stress/main.c,$(wildcard tests/stress/*.c))
MACHINE_C   := $(wildcard tests/machine/*.c)

# $(1): folder of the objects, $(2): compiler, $(3): its flags, $(4): what it is called in the output
define test_kind
$(1)/%.o: %.c $(MAKEFILES_USED)
	$$(call say,$(4),$$<)
	@mkdir -p $$(@D)
	$$(Q)$(2) $(3) -c $$< -o $$@
$(1)/product.a: $(PRODUCT_C:%.c=$(1)/%.o)
$(1)/machine.a: $(MACHINE_C:%.c=$(1)/%.o)
$(1)/stress.a: $(STRESS_C:%.c=$(1)/%.o)
$(1)/product.a $(1)/machine.a $(1)/stress.a: $(MAKEFILES_USED)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar qc $$@ $$(filter %.o,$$^)
-include $(patsubst %.c,$(1)/%.d,$(PRODUCT_C) $(MACHINE_C) $(STRESS_C))
endef
# The product's decoders of kernels are libraries, as in domain 0.
DECODERS := -Wl,--as-needed -lz -llz4 -llzma -lzstd -Wl,--no-as-needed
archives = -Wl,--allow-multiple-definition -Wl,--start-group $(1)/machine.a $(1)/product.a -Wl,--end-group $(DECODERS)

UNIT_FILES := $(sort $(shell find tests/unit -name '*_test.c'))
UNIT_TESTS := $(patsubst %_test.c,%,$(notdir $(UNIT_FILES)))
unit_file   = $(filter %/$(1)_test.c,$(UNIT_FILES))
UNIT_BINS  := $(UNIT_TESTS:%=build/host/%_test)
# Tests in Python: of the tools, of what is built, and of documents against the source.
PY_TESTS   := $(sort $(wildcard tests/unit/*/*_test.py))
$(eval $(call test_kind,build/host/obj,$(HOSTCC),$(TEST_CFLAGS),HOSTCC))

PY_NEEDS   := build/host/acpi-topology build/host/boot-storm build/host/homestead-check
.PHONY: check
check: $(UNIT_BINS) $(OCAML_TEST) $(PY_NEEDS)
	$(Q)$(PYTHON) tools/run-unit.py $(UNIT_BINS) $(OCAML_TEST) $(PY_TESTS)

define unit_rule
build/host/$(1)_test: $(patsubst %.c,build/host/obj/%.o,$(call unit_file,$(1)))
-include $(patsubst %.c,build/host/obj/%.d,$(call unit_file,$(1)))
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(t))))
build/host/mm_model_test: build/host/obj/stress.a
# Tests of toolstack/ have the library in them, and a libxencall that calls the machine's hypervisor.
$(filter build/host/libhomestead_%,$(UNIT_BINS)): $(patsubst %.c,build/host/obj/%.o,$(wildcard toolstack/libhomestead/*.c tests/unit/toolstack/fake_*.c))
-include $(patsubst %.c,build/host/obj/%.d,$(wildcard toolstack/libhomestead/*.c tests/unit/toolstack/fake_*.c))
# Programs as they are written for libxen-dev and the library's headers: the example of the manual, first block of C there, and a
# toolstack's. The test's own xen/ must not be found.
FOREIGN_CFLAGS := $(filter-out -Iinclude -I.,$(TEST_CFLAGS)) -Itoolstack/libhomestead/compat -Itoolstack/libhomestead -Wno-missing-prototypes
build/host/foreign/readme_example.c: toolstack/README.md
	@mkdir -p $(@D)
	$(Q)awk '/^```c$$/ { on = 1; next } on && /^```/ { exit } on' $< > $@
build/host/foreign/%.o: build/host/foreign/%.c
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(FOREIGN_CFLAGS) -c $< -o $@
build/host/foreign/%.o: tests/unit/toolstack/%.c
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(FOREIGN_CFLAGS) -c $< -o $@
# The samples of the guest guide that are a toolstack's.
SAMPLES_OBJ := $(patsubst docs/samples/toolstack/%.c,build/host/foreign/samples/%.o,$(wildcard docs/samples/toolstack/*.c))
build/host/foreign/samples/%.o: docs/samples/toolstack/%.c
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(FOREIGN_CFLAGS) -c $< -o $@
build/host/libhomestead_samples_test: $(SAMPLES_OBJ)
-include $(SAMPLES_OBJ:.o=.d)
build/host/libhomestead_example_test: build/host/foreign/readme_example.o build/host/foreign/as_a_toolstack.o
-include build/host/foreign/readme_example.d build/host/foreign/as_a_toolstack.d
# The test of the whole command has what product.a has not, too: what of hsctl asks the hypervisor, and a libxenstore of names.
HSCTL_TEST_OBJ := $(patsubst %.c,build/host/obj/%.o,$(addprefix toolstack/hsctl/,command.c host.c xen.c) \
        $(wildcard toolstack/libhomestead/*.c tests/unit/toolstack/fake_*.c))
build/host/hsctl_command_test: $(HSCTL_TEST_OBJ)
-include $(HSCTL_TEST_OBJ:.o=.d)
$(UNIT_BINS): build/host/obj/machine.a build/host/obj/product.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -o $@ $(filter %.o %/stress.a,$^) $(call archives,build/host/obj) -lcmocka

# `make check-acpi_srat` builds and runs one.
check-%: build/host/%_test
	$(Q)./$<

# Threads as CPUs, under ThreadSanitizer: tests/threads/NAME_test.c, each with a main() of its own. Part of `make check`.
# A thread that waits for another one lets it run: there are more threads than host CPUs. memset() and its like stay calls, which
# can be watched.
TSAN_TESTS   := $(patsubst tests/threads/%_test.c,%,$(wildcard tests/threads/*_test.c))
TSAN_BINS    := $(TSAN_TESTS:%=build/tsan/%_test)
TSAN_CFLAGS  := $(filter-out -fsanitize% -fno-sanitize%,$(TEST_CFLAGS)) -fsanitize=thread $(addprefix -fno-builtin-,memset memcpy memmove) \
        -Wno-tsan -Wno-maybe-uninitialized -include sched.h -D__builtin_ia32_pause=sched_yield
$(eval $(call test_kind,build/tsan,$(HOSTCC),$(TSAN_CFLAGS),TSANCC))
-include $(TSAN_TESTS:%=build/tsan/tests/threads/%_test.d)

build/tsan/mm_stress_test: build/tsan/stress.a
$(TSAN_BINS): build/tsan/%_test: build/tsan/tests/threads/%_test.o build/tsan/machine.a build/tsan/product.a
	$(call say,TSANLD,$@)
	$(Q)$(HOSTCC) -fsanitize=thread -o $@ $(filter %.o %/stress.a,$^) $(call archives,build/tsan) -lcmocka

.PHONY: check-tsan
check-tsan: $(TSAN_BINS)
	$(Q)set -e; for t in $^; do TSAN_OPTIONS=halt_on_error=1 $$t; done
check: check-tsan

# One of them: `make check-acpi_tool`.
PY_CHECKS := $(foreach t,$(PY_TESTS),check-$(patsubst %_test.py,%,$(notdir $(t))))
.PHONY: $(PY_CHECKS)
$(PY_CHECKS): check-%: $(PY_NEEDS)
	$(Q)$(filter %/$*_test.py,$(PY_TESTS))

# The builder's reader of xl.cfg files against libxlutil: docs/hypervisor-guide/testing.md. FILES for each of SEEDS; a short run is part of
# `make check`.
XLCFG_OBJ := $(patsubst %.c,build/host/obj/%.o,$(wildcard tests/strangers/xlcfg/*.c))
XLCFG_CFG  = $(wildcard tests/strangers/xlcfg/files/*.cfg)
FILES     ?= 100000
SEEDS     ?= 1 2 3
-include $(XLCFG_OBJ:.o=.d)
build/host/xlcfg-compare: $(XLCFG_OBJ) build/host/obj/product.a build/host/obj/machine.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -fsanitize=address,undefined -o $@ $(filter %.o,$^) $(call archives,build/host/obj) -lcmocka -lxlutil -lxenlight

.PHONY: strangers-xlcfg check-strangers_xlcfg
strangers-xlcfg:
	$(Q)$(SETUP) build test
	$(Q)$(MAKE) --no-print-directory build/host/xlcfg-compare
	$(Q)set -e; for seed in $(SEEDS); do build/host/xlcfg-compare --seed $$seed --files $(FILES) $(XLCFG_CFG); done
ifneq ($(wildcard /usr/include/libxlutil.h),)
check-strangers_xlcfg: build/host/xlcfg-compare
	$(Q)$< --files 10000 $(XLCFG_CFG)
else
check-strangers_xlcfg:
	@echo "strangers-xlcfg skipped: no /usr/include/libxlutil.h (Debian's libxen-dev)"
endif
check: check-strangers_xlcfg

# Random operations on the real mm/, against a reference and by threads: docs/hypervisor-guide/testing.md. Optimized, as it has to make
# many, with assertions and lock checks.
STRESS_CFLAGS := $(filter-out -O1 -fsanitize% -fno-sanitize%,$(TEST_CFLAGS)) -O2
$(eval $(call test_kind,build/host/stress,$(HOSTCC),$(STRESS_CFLAGS),HOSTCC))
-include build/host/stress/tests/stress/main.d

build/host/claim-stress: build/host/stress/tests/stress/main.o build/host/stress/stress.a build/host/stress/machine.a build/host/stress/product.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -pthread -o $@ $(filter %.o %/stress.a,$^) $(call archives,build/host/stress) -lcmocka

# The same under ASan and UBSan: for short runs.
build/host/claim-stress-asan: build/host/obj/tests/stress/main.o build/host/obj/stress.a build/host/obj/machine.a build/host/obj/product.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -pthread -fsanitize=address,undefined -o $@ $(filter %.o %/stress.a,$^) $(call archives,build/host/obj) -lcmocka

.PHONY: claim-stress claim-stress-asan check-stress stress-claims
claim-stress: build/host/claim-stress
claim-stress-asan: build/host/claim-stress-asan
check-stress: build/host/claim-stress
	$(Q)$< --quiet --ops 1e6 --threads 1
	$(Q)$< --quiet --ops 1e6 --threads 4
check: check-stress

# Which words two builders have in common: mm/ as for ThreadSanitizer, but with functions of our own that note each access.
WORDS_OBJ := $(patsubst %.c,build/host/stress/%.o,$(wildcard tests/words/*.c))
-include $(WORDS_OBJ:.o=.d)
build/host/shared-words: $(WORDS_OBJ) build/host/stress/machine.a build/tsan/product.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -no-pie -Wl,--wrap=memset,--wrap=memcpy,--wrap=memmove -o $@ $(WORDS_OBJ) -Wl,--allow-multiple-definition \
	    -Wl,--start-group build/host/stress/machine.a build/tsan/product.a -Wl,--end-group

.PHONY: shared-words check-words
shared-words: build/host/shared-words
	$(Q)$< --list
check-words: build/host/shared-words
	$(Q)$<
check: check-words

# Everything that can be done on very small machines, on the real mm/: docs/hypervisor-guide/testing.md. Built as claim-stress is.
SCOPE_OBJ := $(patsubst %.c,build/host/stress/%.o,$(wildcard tests/scope/*.c))
-include $(SCOPE_OBJ:.o=.d)
build/host/small-scope: $(SCOPE_OBJ) build/host/stress/machine.a build/host/stress/product.a
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -o $@ $(filter %.o,$^) $(call archives,build/host/stress) -lcmocka

.PHONY: check-scope
check-scope: build/host/small-scope
	$(Q)$<
check: check-scope
# Every claim of the other domain too, and one step more.
.PHONY: small-scope-deep
small-scope-deep: build/host/small-scope
	$(Q)$< --pages2 4 --pages3 2 --all-others --steps 5

# Line and branch coverage of COV_DIRS by all host tests, with one object of each file for all programs: what they count
# adds up in its .gcda file. Without sanitizers or optimization, with assertions; threads count too, so counters are
# atomic. Files that no test is linked with are compiled, and count as never run: tools/coverage.py. A test that fails
# fails the target, but only after the figures.
COV        := build/coverage
COV_DIRS   := mm domain hypercall arch/x86/acpi
COV_CFLAGS := $(filter-out -O1 -fsanitize% -fno-sanitize%,$(TEST_CFLAGS)) -O0 --coverage -fprofile-update=atomic -Wno-maybe-uninitialized \
        -include sched.h -D__builtin_ia32_pause=sched_yield
COV_UNIT   := $(UNIT_TESTS:%=$(COV)/unit/%_test)
COV_THREAD := $(TSAN_TESTS:%=$(COV)/threads/%_test)
COV_OBJ    := $(patsubst %.c,$(COV)/obj/%.o,$(filter $(COV_DIRS:%=%/%),$(HV_C)))
$(eval $(call test_kind,$(COV)/obj,$(HOSTCC),$(COV_CFLAGS),COVCC))

$(foreach t,$(UNIT_TESTS),$(eval $(COV)/unit/$(t)_test: $(patsubst %.c,$(COV)/obj/%.o,$(call unit_file,$(t)))))
$(foreach t,$(TSAN_TESTS),$(eval $(COV)/threads/$(t)_test: $(COV)/obj/tests/threads/$(t)_test.o))
-include $(UNIT_FILES:%.c=$(COV)/obj/%.d) $(TSAN_TESTS:%=$(COV)/obj/tests/threads/%_test.d) $(COV)/obj/tests/stress/main.d
$(COV)/claim-stress: $(COV)/obj/tests/stress/main.o
$(COV)/acpi-topology: $(ACPI_TOPOLOGY:%.c=$(COV)/obj/%.o)
$(COV)/claim-stress $(COV)/unit/mm_model_test $(COV)/threads/mm_stress_test: $(COV)/obj/stress.a
$(COV_UNIT) $(COV_THREAD) $(COV)/claim-stress $(COV)/acpi-topology: $(COV)/obj/machine.a $(COV)/obj/product.a
	$(call say,COVLD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) --coverage -pthread -o $@ $(filter %.o %/stress.a,$^) $(call archives,$(COV)/obj) -lcmocka

.PHONY: coverage coverage-build
coverage-build: $(COV_OBJ) $(COV_UNIT) $(COV_THREAD) $(COV)/claim-stress $(COV)/acpi-topology
coverage:
	$(Q)$(SETUP) build test coverage
	$(Q)$(MAKE) --no-print-directory coverage-build
	$(Q)find $(COV) -name '*.gcda' -delete
	$(Q)ok=true; \
	ACPI_TOPOLOGY=$(COV)/acpi-topology $(PYTHON) tools/run-unit.py $(COV_UNIT) tests/unit/tools/acpi_tool_test.py || ok=false; \
	for t in $(COV_THREAD); do $$t || ok=false; done; \
	for n in 1 4; do $(COV)/claim-stress --quiet --ops 1e6 --threads $$n || ok=false; done; \
	$(PYTHON) tools/coverage.py $(COV)/obj $(COV_DIRS) && $$ok

# Some minutes, and half an hour. STRESS_SEED=N for other operations. The long one has a thread a processor: with more, ten times slower, most
# of the time goes into waiting for a turn.
STRESS_SEED ?= 1
.PHONY: stress-claims-long
stress-claims-long: build/host/claim-stress
	$(Q)$< --ops 1e8 --threads 1 --seed $(STRESS_SEED)
	$(Q)$< --ops 1e9 --threads $$(nproc) --seed $(STRESS_SEED)
stress-claims: build/host/claim-stress
	$(Q)$< --ops 1e7 --threads 1 --seed $(STRESS_SEED)
	$(Q)$< --ops 1e8 --threads 4 --seed $(STRESS_SEED)

# Instruction counts under QEMU's icount, of Homestead and of Debian's Xen; the release build, as a user runs it. Writes
# docs/data, the pages' tables and the plot. XEN=0 leaves Xen out, WRITE=0 only prints.
.PHONY: bench bench-boot
bench: all test-guests build/host/count.so build/host/profile.so
	-$(Q)tools/setup.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install) $(if $(filter 0,$(XEN)),boot,boot bench)
	$(Q)$(PYTHON) tests/bench/bench.py $(if $(filter 0,$(XEN)),--no-xen) $(if $(filter 0,$(WRITE)),--no-write)
	$(if $(filter 0,$(WRITE)),,$(Q)$(PYTHON) tools/pages.py)

# RECORD=1 stores a benchmark's figures in docs/data, and writes the pages' tables.
RECORD_FLAG  = $(if $(RECORD),--record)
WRITE_PAGES  = $(if $(RECORD),$(Q)$(PYTHON) tools/pages.py)

# How booting grows with CPUs and memory.
bench-boot: all test-guests build/host/count.so
	$(Q)$(PYTHON) tests/bench/boot.py $(RECORD_FLAG)
	$(WRITE_PAGES)

# The same domain 0 on SVM and on VMX, in Bochs.
.PHONY: bench-vendors
bench-vendors: all test-guests
	$(Q)$(SETUP) build boot bochs
	$(Q)$(PYTHON) tests/bench/vendors.py $(RECORD_FLAG)
	$(WRITE_PAGES)

# A Linux guest on both: instructions to its /init, and exits by kind. ARGS=--vcpus 2.
.PHONY: bench-linux
bench-linux: all build/host/profile.so
	-$(Q)tools/setup.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install) boot bench
	$(Q)tools/get-linux.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install) build/linux/cloud
	$(Q)$(PYTHON) tests/bench/linux.py $(RECORD_FLAG) $(ARGS)
	$(WRITE_PAGES)

# xl create and xl destroy in a Linux domain 0 on both: instructions, and exits by kind.
.PHONY: bench-xl
bench-xl: all build/guest/linux-probe build/host/profile.so
	-$(Q)tools/setup.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install) boot bench
	$(Q)tools/get-linux-dom0.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install) build/linux-dom0
	$(Q)tools/get-linux.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install) build/linux/cloud
	$(Q)tools/linux-dom0.sh build/linux-dom0 build/linux/cloud build/linux-dom0/initramfs
	$(Q)$(PYTHON) tests/bench/xl.py $(RECORD_FLAG) $(ARGS)
	$(WRITE_PAGES)

# Where a figure of `make bench` goes, by function of the hypervisor: CASE=physinfo, ARGS=--blocks. tests/bench/profile.py.
.PHONY: profile
profile: all test-guests build/host/profile.so
	$(Q)$(PYTHON) tests/bench/profile.py $(ARGS) $(CASE)

build/host/%.so: tests/bench/%.c tests/bench/plugin.h $(MAKEFILES_USED)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 $(WARN) -Wno-missing-prototypes -fvisibility=hidden -shared -fPIC -o $@ $<

# Homestead judged by Xen 4.17: docs/hypervisor-guide/testing.md. ONLY=GROUP runs one group of cases, TWICE=1 Xen twice, V=1 prints the transcripts.
.PHONY: oracle oracle-tests
oracle: all test-guests
	$(Q)$(SETUP) build boot
	$(Q)$(PYTHON) -B tests/oracle/oracle.py $(if $(ONLY),--only $(ONLY)) $(if $(filter-out 0,$(TWICE)),--twice) $(if $(filter 1,$(V)),-v)

# The same as tests, one a group, and the tests of the comparison itself. Without Xen only those.
oracle-tests: all test-guests
	$(Q)cd tests/oracle && NO_INSTALL=$(NO_INSTALL) TWICE=$(TWICE) $(PYTHON) -B -m pytest -q -p no:cacheprovider $(TESTS) .

# Two builders for one node on Linux, Xen and Homestead: tests/race-lab/lab.py, docs/race-lab.md. ROUNDS=N of the races at once, ONLY=linux,
# RECORD=1 writes the results to docs/data and to the page.
.PHONY: race-lab
race-lab: all test-guests
	$(Q)$(SETUP) build boot
	-$(Q)$(SETUP) linux && $(MAKE) --no-print-directory build/race-lab/root/init
	$(Q)NO_INSTALL=$(NO_INSTALL) $(PYTHON) -B tests/race-lab/lab.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY)) \
	    $(RECORD_FLAG)
	$(WRITE_PAGES)

build/race-lab/root/init: $(wildcard tests/race-lab/linux/*.[ch]) $(MAKEFILES_USED)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(filter-out -Wmissing-prototypes,$(WARN)) -static -s -o $@ $(filter %.c,$^)

# libFuzzer targets, clang: tests/fuzz/NAME_fuzz.c. Not part of `make test`:
# FUZZ_SECS each, a finding ends the run and leaves its input in build/fuzz/. What a run finds new is kept in build/fuzz/corpus-NAME; small
# seeds are in tests/fuzz/corpus/NAME and tests/strangers/NAME/files.
FUZZ_SECS ?= 30
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_CFLAGS := -std=gnu11 -O1 -g -DDEBUG -DHOST_TEST -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -Iinclude -I. -MMD -MP
$(eval $(call test_kind,build/fuzz/obj,clang,$(FUZZ_CFLAGS),CLANG))
-include $(FUZZERS:%=build/fuzz/obj/tests/fuzz/%_fuzz.d)

build/fuzz/libhomestead: $(patsubst %.c,build/fuzz/obj/%.o,$(wildcard toolstack/libhomestead/*.c) tests/unit/toolstack/fake_xencall.c)
$(FUZZERS:%=build/fuzz/%): build/fuzz/%: build/fuzz/obj/tests/fuzz/%_fuzz.o build/fuzz/obj/machine.a build/fuzz/obj/product.a
	$(call say,CLANGLD,$@)
	$(Q)clang -fsanitize=fuzzer,address,undefined -o $@ $(filter %.o,$^) $(call archives,build/fuzz/obj) -lcmocka

define fuzz_rule
.PHONY: fuzz-$(1)
fuzz-$(1): build/fuzz/$(1)
	@mkdir -p build/fuzz/corpus-$(1)
	$$(Q)cd build/fuzz && ./$(1) -max_total_time=$$(FUZZ_SECS) -print_final_stats=1 corpus-$(1) \
	    $$(wildcard $$(CURDIR)/tests/fuzz/corpus/$(1) $$(CURDIR)/tests/strangers/$(1)/files)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rule,$(f))))
.PHONY: fuzz
fuzz: $(FUZZERS:%=fuzz-%)

# Jobs of the boot tests in Bochs, on AMD's and on Intel's CPU models, and a table of the verdicts: tests/bochs/test_jobs.py. The boot
# test bochs is one of them.
# TESTS='-k MainJob' is passed to pytest.
.PHONY: bochs bochs-intel
bochs: VENDOR := amd
bochs-intel: VENDOR := intel
bochs bochs-intel: all test-guests build/guest/linux-probe
	$(Q)$(MAKE) --no-print-directory CONFIG=debug hypervisor
	$(Q)$(SETUP) build boot test bochs
	$(Q)cd tests/bochs && NO_INSTALL=$(NO_INSTALL) $(PYTHON) -B -m pytest -q -p no:cacheprovider -W "ignore:setDaemon" --vendor $(VENDOR) $(TESTS) .

# The conformance domain 0 on SVM in QEMU and on VMX in Bochs, and what differs: docs/guest-guide/vendor-differences.md. ONLY=GROUP.
.PHONY: same-answers
same-answers: all test-guests
	$(Q)$(SETUP) build boot bochs
	$(Q)$(PYTHON) -B tests/oracle/vendors.py $(if $(ONLY),--only $(ONLY))

# The ledger's rules as Promela models, checked by spin, and a broken variant of each that spin must find: tests/model/run.py. Not part of
# `make test`; MODELS names some of them.
.PHONY: model
model:
	$(Q)tools/setup.sh $(if $(NO_INSTALL),--no-install) model
	$(Q)HOSTCC='$(HOSTCC)' $(PYTHON) tests/model/run.py $(if $(filter 1,$(V)),-v) $(MODELS)

# Proofs of small functions of the ledger, by Frama-C, and broken variants that have none: tests/prove/run.py. Not part of `make test`; PROVE
# names some files or variants of tests/prove/.
.PHONY: prove
prove:
	$(Q)if $(SETUP) prove; then $(PYTHON) tests/prove/run.py $(if $(filter 1,$(V)),-v) $(PROVE); \
	else echo "prove: skipped: Frama-C or a prover is missing"; fi

# The allocator on the host, next to a plain buddy: instructions by callgrind, ratios by time. mm/ and the buddy are compiled as in the
# hypervisor, what drives them as a host program.
ALLOC_MM    := $(wildcard mm/*.c) lib/string.c tests/bench/alloc/buddy.c
ALLOC_HOST  := $(filter-out tests/bench/alloc/buddy.c tests/bench/alloc/hold.c,$(wildcard tests/bench/alloc/*.c)) \
        $(addprefix tests/machine/,assert.c log.c mm.c)
ALLOC_FLAGS := -std=gnu11 -O2 -g $(WARN) -Wno-missing-prototypes -fno-pie -fcf-protection=none -D_GNU_SOURCE -Iinclude -I. -MMD -MP
ALLOC_FREE  := $(filter-out -Og -DDEBUG,$(CFLAGS_FREE)) -O2
HOLD_FLAGS  := -DHOLD -include tests/bench/alloc/hold_lock.h
ALLOC_OBJ   := $(ALLOC_MM:%.c=build/alloc/free/%.o) $(ALLOC_HOST:%.c=build/alloc/host/%.o)
HOLD_OBJ    := $(ALLOC_MM:%.c=build/alloc/hold-free/%.o) $(ALLOC_HOST:%.c=build/alloc/hold/%.o) build/alloc/hold/tests/bench/alloc/hold.o

define alloc_rule
build/alloc/$(1)/%.o: %.c $(MAKEFILES_USED)
	$$(call say,HOSTCC,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(HOSTCC) $(2) -c $$< -o $$@
endef
$(eval $(call alloc_rule,free,$(ALLOC_FREE)))
$(eval $(call alloc_rule,host,$(ALLOC_FLAGS)))
$(eval $(call alloc_rule,hold-free,$(ALLOC_FREE) $(HOLD_FLAGS)))
$(eval $(call alloc_rule,hold,$(ALLOC_FLAGS) $(HOLD_FLAGS)))

build/host/alloc-bench: $(ALLOC_OBJ)
build/host/alloc-hold: $(HOLD_OBJ)
build/host/alloc-bench build/host/alloc-hold:
	$(call say,HOSTLD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -no-pie -pthread -o $@ $^
-include $(ALLOC_OBJ:.o=.d) $(HOLD_OBJ:.o=.d)

# As many builders as CPUs, in virtual time, on the real mm/: docs/hypervisor-guide/testing.md. mm/ as for the holds of locks.
STORM_OBJ := $(patsubst %.c,build/alloc/hold-free/%.o,$(wildcard mm/*.c) lib/string.c) \
        $(patsubst %.c,build/alloc/hold/%.o,$(wildcard tests/sim/*.c) $(addprefix tests/machine/,assert.c log.c mm.c))
-include $(STORM_OBJ:.o=.d)
build/host/boot-storm: $(STORM_OBJ)
	$(call say,HOSTLD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -no-pie -o $@ $^

.PHONY: boot-storm
boot-storm: build/host/boot-storm
	$(Q)$(PYTHON) tests/bench/storm.py $(RECORD_FLAG)
	$(WRITE_PAGES)

.PHONY: bench-alloc
bench-alloc: build/host/alloc-bench build/host/alloc-hold
	$(Q)$(PYTHON) tests/bench/alloc.py $(RECORD_FLAG)
	$(WRITE_PAGES)
