# Host unit tests: tests/unit/DIR/NAME_test.c in folders like the product's, each one program under ASan and UBSan. The line
#   // sources: mm/claims.c lib/string.c
# in its first 20 lines names the real files it is linked with; mm/all is the allocator, hypercall/all is hypercall/.

TEST_CFLAGS := -std=gnu11 -O1 -g -DDEBUG -DHOST_TEST $(filter-out -Wmissing-prototypes,$(WARN)) -fsanitize=address,undefined \
        -fno-sanitize-recover=all -fno-omit-frame-pointer -ftrivial-auto-var-init=pattern -Iinclude -I. -MMD -MP
UNIT_FILES := $(sort $(shell find tests/unit -name '*_test.c'))
UNIT_TESTS := $(patsubst %_test.c,%,$(notdir $(UNIT_FILES)))
unit_file   = $(filter %/$(1)_test.c,$(UNIT_FILES))
UNIT_BINS  := $(UNIT_TESTS:%=build/host/%_test)
MM_SOURCES := $(wildcard mm/*.c)
sources_of = $(patsubst hypercall/all,$(wildcard hypercall/*.c),$(patsubst mm/all,$(MM_SOURCES),$(shell sed -n '1,20s|^// sources: *||p' $(1))))
unit_sources = $(call sources_of,$(call unit_file,$(1)))

.PHONY: check
check: $(UNIT_BINS) build/host/acpi-topology
	$(Q)$(PYTHON) tools/run-unit.py $(UNIT_BINS) tests/unit/tools/acpi_tool_test.py tests/unit/include/abi_headers_test.py tests/unit/tools/bench_tool_test.py

build/host/obj/%.o: %.c $(MAKEFILES_USED)
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TEST_CFLAGS) -c $< -o $@

define unit_rule
build/host/$(1)_test: $(patsubst %.c,build/host/obj/%.o,$(call unit_file,$(1))) $(patsubst %.c,build/host/obj/%.o,$(call unit_sources,$(1)))
	$$(call say,HOSTLD,$$@)
	$$(Q)$(HOSTCC) -fsanitize=address,undefined -o $$@ $$^ -lcmocka
-include $(patsubst %.c,build/host/obj/%.d,$(call unit_file,$(1)) $(call unit_sources,$(1)))
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(t))))

# `make check-acpi_srat` builds and runs one.
check-%: build/host/%_test
	$(Q)./$<

# Threads as CPUs, under ThreadSanitizer: tests/threads/NAME_test.c, `// sources:` as above, patterns allowed. Part of `make check`.
# A thread that waits for another one lets it run: there are more threads than host CPUs.
TSAN_TESTS   := $(patsubst tests/threads/%_test.c,%,$(wildcard tests/threads/*_test.c))
TSAN_CFLAGS  := $(filter-out -fsanitize% -fno-sanitize%,$(TEST_CFLAGS)) -fsanitize=thread -Wno-tsan -include sched.h -D__builtin_ia32_pause=sched_yield
tsan_sources = $(sort $(wildcard $(call sources_of,tests/threads/$(1)_test.c)))

build/tsan/%.o: %.c $(MAKEFILES_USED)
	$(call say,TSANCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TSAN_CFLAGS) -c $< -o $@

define tsan_rule
build/tsan/$(1)_test: build/tsan/tests/threads/$(1)_test.o $(patsubst %.c,build/tsan/%.o,$(call tsan_sources,$(1)))
	$$(call say,TSANLD,$$@)
	$$(Q)$(HOSTCC) -fsanitize=thread -o $$@ $$^
-include $(patsubst %.c,build/tsan/%.d,tests/threads/$(1)_test.c $(call tsan_sources,$(1)))
endef
$(foreach t,$(TSAN_TESTS),$(eval $(call tsan_rule,$(t))))

.PHONY: check-tsan
check-tsan: $(TSAN_TESTS:%=build/tsan/%_test)
	$(Q)set -e; for t in $^; do TSAN_OPTIONS=halt_on_error=1 $$t; done
check: check-tsan

# include/xen/ against libxen-dev, by a list made from the headers. What Xen has besides: build/host/abi-beyond.txt.
.PHONY: check-abi_headers
check-abi_headers:
	$(Q)tests/unit/include/abi_headers_test.py

.PHONY: check-acpi_tool
check-acpi_tool: build/host/acpi-topology
	$(Q)tests/unit/tools/acpi_tool_test.py

.PHONY: check-bench_tool
check-bench_tool:
	$(Q)tests/unit/tools/bench_tool_test.py

# Random operations on the real mm/, against a reference and by threads: docs/testing.md. Optimized, as it has to make
# many, with assertions and lock checks.
STRESS_C      := $(filter-out tests/stress/main.c,$(wildcard tests/stress/*.c))
STRESS_OBJ    := $(patsubst %.c,build/host/stress/%.o,$(STRESS_C) tests/stress/main.c $(MM_SOURCES))
STRESS_CFLAGS := $(filter-out -O1 -fsanitize% -fno-sanitize%,$(TEST_CFLAGS)) -O2

build/host/stress/%.o: %.c $(MAKEFILES_USED)
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(STRESS_CFLAGS) -c $< -o $@

build/host/claim-stress: $(STRESS_OBJ)
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -pthread -o $@ $^
-include $(STRESS_OBJ:.o=.d)

# The same under ASan and UBSan: for short runs.
build/host/claim-stress-asan: $(patsubst %.c,build/host/obj/%.o,$(STRESS_C) tests/stress/main.c $(MM_SOURCES))
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -pthread -fsanitize=address,undefined -o $@ $^

.PHONY: claim-stress claim-stress-asan check-stress stress-claims
claim-stress: build/host/claim-stress
claim-stress-asan: build/host/claim-stress-asan
check-stress: build/host/claim-stress
	$(Q)$< --quiet --ops 1e6 --threads 1
	$(Q)$< --quiet --ops 1e6 --threads 4
check: check-stress

# Line and branch coverage of COV_DIRS by all host tests, with one object of each file for all programs: what they count
# adds up in its .gcda file. Without sanitizers or optimization, with assertions; threads count too, so counters are
# atomic. Files that no test is linked with are compiled, and count as never run: tools/coverage.py. A test that fails
# fails the target, but only after the figures.
COV        := build/coverage
COV_DIRS   := mm domain hypercall arch/x86/acpi
COV_CFLAGS := $(filter-out -O1 -fsanitize% -fno-sanitize%,$(TEST_CFLAGS)) -O0 --coverage -fprofile-update=atomic \
        -include sched.h -D__builtin_ia32_pause=sched_yield
COV_UNIT   := $(UNIT_TESTS:%=$(COV)/unit/%_test)
COV_THREAD := $(TSAN_TESTS:%=$(COV)/threads/%_test)
COV_OBJ    := $(patsubst %.c,$(COV)/obj/%.o,$(filter $(COV_DIRS:%=%/%),$(HV_C)))

$(COV)/obj/%.o: %.c $(MAKEFILES_USED)
	$(call say,COVCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(COV_CFLAGS) -c $< -o $@

# $(1): the program; $(2): its sources
define cov_rule
$(1): $(patsubst %.c,$(COV)/obj/%.o,$(2))
	$$(call say,COVLD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(HOSTCC) --coverage -pthread -o $$@ $$^ -lcmocka
-include $(patsubst %.c,$(COV)/obj/%.d,$(2))
endef
$(foreach t,$(UNIT_TESTS),\
    $(eval $(call cov_rule,$(COV)/unit/$(t)_test,tests/unit/$(t)_test.c $(call unit_sources,$(t)))))
$(foreach t,$(TSAN_TESTS),\
    $(eval $(call cov_rule,$(COV)/threads/$(t)_test,tests/threads/$(t)_test.c $(call tsan_sources,$(t)))))
$(eval $(call cov_rule,$(COV)/claim-stress,$(STRESS_C) tests/stress/main.c $(MM_SOURCES)))
$(eval $(call cov_rule,$(COV)/acpi-topology,$(ACPI_TOPOLOGY)))
-include $(COV_OBJ:.o=.d)

.PHONY: coverage coverage-build
coverage-build: $(COV_OBJ) $(COV_UNIT) $(COV_THREAD) $(COV)/claim-stress $(COV)/acpi-topology
coverage:
	$(Q)$(SETUP) build test coverage
	$(Q)$(MAKE) --no-print-directory coverage-build
	$(Q)find $(COV) -name '*.gcda' -delete
	$(Q)ok=true; \
	ACPI_TOPOLOGY=$(COV)/acpi-topology $(PYTHON) tools/run-unit.py $(COV_UNIT) tests/unit/acpi_tool_test.py || ok=false; \
	for t in $(COV_THREAD); do $$t || ok=false; done; \
	for n in 1 4; do $(COV)/claim-stress --quiet --ops 1e6 --threads $$n || ok=false; done; \
	$(PYTHON) tools/coverage.py $(COV)/obj $(COV_DIRS) && $$ok

# Some minutes. STRESS_SEED=N for other operations.
STRESS_SEED ?= 1
stress-claims: build/host/claim-stress
	$(Q)$< --ops 1e7 --threads 1 --seed $(STRESS_SEED)
	$(Q)$< --ops 1e8 --threads 4 --seed $(STRESS_SEED)

# Instruction counts under QEMU's icount, of Homestead and of Debian's Xen; the release build, as a user runs it. Writes
# docs/benchmarks.md and its plot. XEN=0 leaves Xen out, WRITE=0 only prints.
.PHONY: bench bench-boot
bench: all test-guests build/host/count.so build/host/profile.so
	-$(Q)tools/setup.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install) $(if $(filter 0,$(XEN)),boot,boot bench)
	$(Q)$(PYTHON) tests/bench/bench.py $(if $(filter 0,$(XEN)),--no-xen) $(if $(filter 0,$(WRITE)),--no-write)

# How booting grows with CPUs and memory. RECORD=1 keeps the figures for comparison.
bench-boot: all test-guests build/host/count.so
	$(Q)$(PYTHON) tests/bench/boot.py $(if $(RECORD),--record)

# Where a figure of `make bench` goes, by function of the hypervisor: CASE=physinfo, ARGS=--blocks. tests/bench/profile.py.
.PHONY: profile
profile: all test-guests build/host/profile.so
	$(Q)$(PYTHON) tests/bench/profile.py $(ARGS) $(CASE)

build/host/%.so: tests/bench/%.c tests/bench/plugin.h $(MAKEFILES_USED)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -std=gnu11 -O2 $(WARN) -Wno-missing-prototypes -fvisibility=hidden -shared -fPIC -o $@ $<

# Homestead judged by Xen 4.17: docs/testing.md. ONLY=GROUP runs one group of cases, TWICE=1 Xen twice, V=1 prints the transcripts.
.PHONY: oracle oracle-tests
oracle: all test-guests
	$(Q)$(SETUP) build boot
	$(Q)$(PYTHON) -B tests/oracle/oracle.py $(if $(ONLY),--only $(ONLY)) $(if $(filter-out 0,$(TWICE)),--twice) $(if $(filter 1,$(V)),-v)

# The same as tests, one a group, and the tests of the comparison itself. Without Xen only those.
oracle-tests: all test-guests
	$(Q)cd tests/oracle && NO_INSTALL=$(NO_INSTALL) TWICE=$(TWICE) $(PYTHON) -B -m pytest -q -p no:cacheprovider $(TESTS) .

# libFuzzer targets, clang: tests/fuzz/NAME_fuzz.c with a `// sources:` line like the unit tests'. Not part of `make test`:
# FUZZ_SECS each, a finding ends the run and leaves its input in build/fuzz/. What a run finds new is kept in build/fuzz/corpus-NAME; small
# seeds by hand are in tests/fuzz/corpus/NAME.
FUZZ_SECS ?= 30
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
fuzz_sources = $(call sources_of,tests/fuzz/$(1)_fuzz.c)

define fuzz_rule
build/fuzz/$(1): tests/fuzz/$(1)_fuzz.c $(call fuzz_sources,$(1)) $(MAKEFILES_USED)
	$$(call say,CLANG,$$@)
	@mkdir -p $$(@D)
	$$(Q)clang -std=gnu11 -O1 -g -DHOST_TEST -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iinclude -I. \
	    -o $$@ tests/fuzz/$(1)_fuzz.c $(call fuzz_sources,$(1))
.PHONY: fuzz-$(1)
fuzz-$(1): build/fuzz/$(1)
	@mkdir -p build/fuzz/corpus-$(1)
	$$(Q)cd build/fuzz && ./$(1) -max_total_time=$$(FUZZ_SECS) -print_final_stats=1 corpus-$(1) \
	    $$(wildcard $$(CURDIR)/tests/fuzz/corpus/$(1))
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rule,$(f))))
.PHONY: fuzz
fuzz: $(FUZZERS:%=fuzz-%)

# The same main job in Bochs, whose SVM is another one than QEMU's. Not part of `make test`: run it before you touch SVM code.
.PHONY: bochs
bochs: all
	$(Q)tools/setup.sh $(if $(NO_INSTALL),--no-install) boot bochs
	$(Q)tools/run-bochs.sh

# The ledger's rules as Promela models, checked by spin, and a broken variant of each that spin must find: tests/model/run.py. Not part of
# `make test`; MODELS names some of them.
.PHONY: model
model:
	$(Q)tools/setup.sh $(if $(NO_INSTALL),--no-install) model
	$(Q)HOSTCC='$(HOSTCC)' $(PYTHON) tests/model/run.py $(if $(filter 1,$(V)),-v) $(MODELS)

# The allocator on the host, next to a plain buddy: instructions by callgrind, ratios by time. mm/ and the buddy are compiled as in the
# hypervisor, what drives them as a host program. RECORD=1 keeps the figures for comparison, MARKDOWN=1 prints for docs/benchmarks.md.
ALLOC_MM    := $(MM_SOURCES) lib/string.c tests/bench/alloc/buddy.c
ALLOC_HOST  := $(filter-out tests/bench/alloc/buddy.c tests/bench/alloc/hold.c,$(wildcard tests/bench/alloc/*.c))
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

.PHONY: bench-alloc
bench-alloc: build/host/alloc-bench build/host/alloc-hold
	$(Q)$(PYTHON) tests/bench/alloc.py $(if $(RECORD),--record) $(if $(MARKDOWN),--markdown)
