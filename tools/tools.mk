# Setup, checks, tests, running. Included by the Makefile.

SETUP := tools/setup.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install)
FORMATTED = $(shell git ls-files -co --exclude-standard -- '*.c' '*.h' 2>/dev/null)

.PHONY: deps lint lint-objects lint-root lint-layers lint-callers lint-limits lint-names lint-docs lint-trace lint-pages \
        lint-headers lint-format lint-shell pages format test boot boot-big run help

# Installs missing packages on Debian and Ubuntu; NO_INSTALL=1 only lists them.
deps:
	$(Q)$(SETUP) build boot test lint

# --- checks of the text -------------------------------------------------------------------------------------
lint: lint-root lint-layers lint-callers lint-limits lint-names lint-docs lint-trace lint-pages lint-headers lint-format lint-shell
	@echo "lint: passed"

# The only files in the root.
ROOT_FILES := .clang-format .gitignore .readthedocs.yaml CHANGELOG.md CONTRIBUTING.md LICENSE Makefile README.md SECURITY.md SUPPORT.md linker.ld run-qemu.sh

lint-root:
	$(Q)set -- $(filter-out $(ROOT_FILES),$(shell git ls-files -co --exclude-standard | grep -v /)); \
	    [ $$# = 0 ] || { echo "does not belong in the root (ROOT_FILES in tools/tools.mk): $$*"; exit 1; }

# The checks of symbols read the objects of both builds.
LINT_HV := $(foreach d,build build/debug,$(HV_OBJ:$(O)/hv/%=$(d)/hv/%) $(d)/hv/symbols.o)
lint-objects:
	$(Q)$(MAKE) --no-print-directory CONFIG=release all test-guests
	$(Q)$(MAKE) --no-print-directory CONFIG=debug hypervisor

lint-layers: lint-objects
	$(Q)NM=$(NM) $(PYTHON) tools/check-layers.py $(LINT_HV)

# lib/, which the loader and guests share, is checked with the hypervisor.
lint-callers: export NM := $(NM)
lint-callers: lint-objects
	$(Q)$(PYTHON) tools/check-callers.py hypervisor $(filter-out boot/efi/%,$(shell git ls-files $(HV_DIRS:%='%/*.h') \
	    'include/homestead/*.h')) -- $(LINT_HV)
	$(Q)$(PYTHON) tools/check-callers.py loader $(wildcard boot/efi/*.h) -- $(filter-out build/efi/lib/%,$(EFI_OBJ:$(O)/%=build/%))
	$(Q)$(PYTHON) tools/check-callers.py guests $(shell git ls-files 'guest/*.h' 'tests/guests/*.h' 'docs/samples/*.h') -- $(sort $(filter-out \
	    build/guest/obj/lib/%,$(GUEST_LIB_OBJ) $(foreach p,$(GUEST_PROGRAMS) $(TEST_PROGRAMS),$(GUEST_$(p)_OBJ))))

lint-limits:
	$(Q)$(PYTHON) tools/check-limits.py

lint-names:
	$(Q)$(PYTHON) tools/check-names.py

lint-docs:
	$(Q)$(PYTHON) tools/check-docs.py $(shell git ls-files '*.md')

lint-trace:
	$(Q)$(PYTHON) tools/claims-trace.py

# Figures and other tables that are generated: tools/pages.py writes them from docs/data.
lint-pages:
	$(Q)$(PYTHON) tools/pages.py --check

pages:
	$(Q)$(PYTHON) tools/pages.py

lint-headers:
	$(Q)CC='$(CC)' FLAGS_HV='$(HV_CFLAGS)' FLAGS_GUEST='$(or $(GUEST_CFLAGS),$(CFLAGS_FREE))' FLAGS_EFI='$(EFI_CFLAGS)' \
	    $(PYTHON) tools/check-headers.py

lint-format:
	$(Q)command -v clang-format >/dev/null || { echo "clang-format is missing: make deps"; exit 1; }
	$(Q)clang-format --dry-run -Werror $(FORMATTED)
	@echo "format: $(words $(FORMATTED)) files"

lint-shell:
	$(Q)command -v shellcheck >/dev/null || { echo "shellcheck is missing: make deps"; exit 1; }
	$(Q)shellcheck run-qemu.sh .ci/run tools/*.sh

format:
	$(Q)clang-format -i $(FORMATTED)

# --- tests --------------------------------------------------------------------------------------------------
# Host tests, boot tests and the comparison with Xen; the last line is `N passed, N failed`.
test:
	$(Q)$(SETUP) build boot test
	$(Q)$(PYTHON) tools/test.py "$(MAKE)" check=unit boot=boot oracle-tests=oracle

# TESTS='-k uefi' is passed to pytest. Some tests boot the debug build, with its assertions and lock checks.
boot: all test-guests toolstack build/guest/linux-probe
	$(Q)$(MAKE) --no-print-directory CONFIG=debug hypervisor
	$(Q)cd tests/boot && NO_INSTALL=$(NO_INSTALL) $(PYTHON) -B -m pytest -q -p no:cacheprovider -W "ignore:setDaemon" $(TESTS) .

# Linux as a guest, all of it: other kernels, more vCPUs, bad images. `make boot` has the short form.
.PHONY: linux-test
linux-test: all test-guests build/guest/linux-probe
	$(Q)$(SETUP) build boot test
	$(Q)cd tests/boot && LINUX_TEST=long NO_INSTALL=$(NO_INSTALL) $(PYTHON) -B -m pytest -q -p no:cacheprovider -W "ignore:setDaemon" $(TESTS) \
	    test_linux.py long_linux.py

# Debian's Linux and xl as domain 0, here and on Xen: ARGS="--run short --only homestead --cpus 4".
.PHONY: xl-test
xl-test: all toolstack build/guest/linux-probe
	$(Q)$(SETUP) build boot oracle linux linux-dom0
	$(Q)NO_INSTALL=$(NO_INSTALL) $(PYTHON) -B tests/linux-dom0/xl.py $(ARGS)

# The same with Debian's libvirt, which is 50 MiB more to download.
.PHONY: libvirt-test
libvirt-test:
	$(Q)$(MAKE) --no-print-directory xl-test ARGS=--libvirt

# Eight guests of xl in a Linux domain 0, recorded and drawn by hsctl: build/timeline.svg, or FILE=...
.PHONY: timeline
timeline: all toolstack build/guest/linux-probe
	$(Q)$(SETUP) build boot linux linux-dom0 toolstack
	$(Q)NO_INSTALL=$(NO_INSTALL) $(PYTHON) -B tests/linux-dom0/timeline.py $(FILE)

# The boot test smp_stress with ten machines of each kind instead of one.
.PHONY: stress
stress:
	$(Q)STRESS_RUNS=10 $(MAKE) --no-print-directory boot TESTS="-k smp_stress"

# The boot test claim_stress with 200 rounds instead of 10.
.PHONY: claim-boot
claim-boot:
	$(Q)CLAIM_ROUNDS=$(or $(ROUNDS),200) $(MAKE) --no-print-directory boot TESTS="-k claim_stress"

# The boot test neighbours with 200 rounds instead of 3.
.PHONY: neighbour-boot
neighbour-boot:
	$(Q)NEIGHBOUR_ROUNDS=$(or $(ROUNDS),200) $(MAKE) --no-print-directory boot TESTS="-k test_neighbours"

# Emulated machines larger than the host. Needs some 10 GiB of memory, so it is not part of `make test`.
boot-big: all test-guests
	$(Q)cd tests/boot && $(PYTHON) -B -m pytest -q -p no:cacheprovider -W "ignore:setDaemon" $(TESTS) big_shapes.py

run: all
	$(Q)./run-qemu.sh $(ARGS)

# --- host tools ---------------------------------------------------------------------------------------------
# The hypervisor's ACPI code on table files. Built without sanitizers, for users; the unit tests and the fuzzer run the
# same code with them.
ACPI_CODE     := $(addprefix arch/x86/acpi/,acpi.c topology.c nearness.c madt.c srat.c srat_ranges.c fadt.c hmat.c ram_nodes.c tables.c)
ACPI_TOPOLOGY := $(ACPI_CODE) boot/boot_ranges.c lib/parse.c $(wildcard tools/acpi-topology/*.c)
TOOL_OBJ      := $(ACPI_TOPOLOGY:%.c=build/host/tools/%.o)
TOOL_CFLAGS   := -std=gnu11 -O2 -g $(WARN) -Iinclude -I. -MMD -MP

# Static: it is copied to servers that have nothing else of Homestead.
CHECK_CODE    := $(ACPI_CODE) boot/boot_ranges.c lib/parse.c tools/acpi-topology/facts.c $(wildcard tools/homestead-check/*.c)
CHECK_OBJ     := $(CHECK_CODE:%.c=build/host/tools/%.o)

.PHONY: tools acpi-topology homestead-check
tools: acpi-topology homestead-check
acpi-topology: build/host/acpi-topology
homestead-check: build/host/homestead-check

build/host/tools/%.o: %.c $(MAKEFILES_USED)
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TOOL_CFLAGS) -c $< -o $@

build/host/acpi-topology: $(TOOL_OBJ)
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -o $@ $^

build/host/homestead-check: $(CHECK_OBJ)
	$(call say,HOSTLD,$@)
	$(Q)$(HOSTCC) -static -s -o $@ $^
-include $(TOOL_OBJ:.o=.d) $(CHECK_OBJ:.o=.d)

# Manual pages: templates, and what programs and documents say of themselves. hsctl and the library have theirs in toolstack/.
.PHONY: man tools-install
man: build/man/acpi-topology.1 build/man/homestead-check.1 build/man/homestead.7
build/man/acpi-topology.1: build/host/acpi-topology
build/man/homestead-check.1: build/host/homestead-check
build/man/homestead.7: docs/hypervisor-guide/options.md docs/hypervisor-guide/debugging.md
build/man/%: docs/man/%.in tools/man.py
	$(call say,MAN,$@)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/man.py $< $(filter build/host/%,$^) > $@

tools-install: acpi-topology homestead-check man
	$(Q)install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin build/host/acpi-topology build/host/homestead-check
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 build/man/acpi-topology.1 build/man/homestead-check.1
	$(Q)install -D -m 644 build/man/homestead.7 $(DESTDIR)$(PREFIX)/share/man/man7/homestead.7

# --- editors, help ---------------------------------------------------------------------------------------
compile_commands.json: $(MAKEFILES_USED)
	$(call say,JSON,$@)
	$(Q)$(MAKE) -n -B V=1 --no-print-directory all | $(PYTHON) tools/compile-commands.py '$(CC)' > $@

help:
	@echo 'make [all]               the hypervisor, the UEFI loader and the guests, in $(O)/'
	@echo 'make hypervisor|efi|guests   one of them; test-guests: what only tests and benchmarks boot'
	@echo 'make run [ARGS=...]      runs ./run-qemu.sh ARGS, see ./run-qemu.sh --help'
	@echo 'make test                host tests, boot tests and the comparison with Xen; NO_INSTALL=1 installs nothing'
	@echo 'make check               host tests only; check-NAME runs NAME_test.c alone'
	@echo 'make boot [TESTS=...]    boot tests only, e.g. TESTS="-k uefi"'
	@echo 'make oracle [ONLY=GROUP] runs the same domain 0 on Homestead and on Xen 4.17 and compares the results'
	@echo 'make linux-test          Debian'\''s kernels as guests: several versions, up to 64 vCPUs, vNUMA, bad images'
	@echo 'make xl-test             Debian'\''s Linux and xl as domain 0, here and on Xen: creates, uses and destroys guests'
	@echo 'make toolstack           userland for domain 0: libhomestead, its OCaml binding, hsctl; needs libxen-dev, ocaml-nox'
	@echo 'make toolstack-install   the library, its headers and manual pages, PREFIX=/usr/local DESTDIR='
	@echo 'make libvirt-test        Debian'\''s libvirt in that domain 0, here and on Xen: virsh creates, uses and destroys a guest'
	@echo 'make timeline            draws what eight guests of xl claim and hold over time: build/timeline.svg'
	@echo 'make boot-big            boot tests with up to 2 TiB of memory that is never touched'
	@echo 'make neighbour-boot      16 guests at a time with changing memory and ports, 200 rounds (ROUNDS=N), in QEMU'
	@echo 'make claim-boot          8 builders, 200 rounds (ROUNDS=N) with claims and without, in QEMU'
	@echo 'make stress-claims       10^8 random operations on the allocator, by threads and against a reference'
	@echo 'make stress-claims-long  the same with 10^9 and 10^8'
	@echo 'make small-scope-deep    more of what make check tries of all that can be done on very small machines'
	@echo 'make shared-words        the words of memory that a builder writes, by name, and those that two have in common'
	@echo 'make coverage            lines and branches of mm, domain, hypercall, acpi that the host tests run'
	@echo 'make bench               instruction counts, under icount'
	@echo 'make profile [CASE=...]  instructions by function for one figure of make bench'
	@echo 'make bench-vendors       instructions of hypercalls and exits on SVM and on VMX, in Bochs'
	@echo 'make bench-boot          instructions of booting, by number of CPUs and memory size'
	@echo 'make bench-linux         instructions of a Linux guest'\''s boot, here and on Xen, and its exits by kind'
	@echo 'make bench-xl            instructions of xl create and xl destroy in a Linux domain 0, here and on Xen'
	@echo 'make bench-alloc         the page allocator on the host: instructions and time'
	@echo 'make boot-storm          1 to 1,024 builders on 64 nodes in virtual time, by locks: throughput and waiting'
	@echo 'make race-lab            two builders for one node, on Linux, Xen and Homestead: how it ends'
	@echo 'make pages               writes the tables of the pages from docs/data'
	@echo 'make same-answers        the same domain 0 on AMD (QEMU) and on Intel (Bochs), and what differs; ONLY=GROUP'
	@echo 'make bochs|bochs-intel   jobs of the boot tests in Bochs, on AMD'\''s or Intel'\''s CPU models; TESTS="-k MainJob"'
	@echo 'make model [MODELS=...]  checks the rules of claims as Promela models with spin'
	@echo 'make prove [PROVE=...]   proves small functions of the claims'\'' ledger with Frama-C, z3 and cvc4'
	@echo 'make fuzz [FUZZ_SECS=30] libFuzzer targets, clang'
	@echo 'make tools               build/host/acpi-topology shows what Homestead reads in ACPI tables, homestead-check'
	@echo '                         whether a machine can run it'
	@echo 'make man                 manual pages homestead(7), acpi-topology(1) and homestead-check(1) in build/man/'
	@echo 'make tools-install       the two tools and these pages, PREFIX=/usr/local DESTDIR='
	@echo 'make lint                root, layers, callers, limits, names, trace, pages, headers, formatting, shell scripts; lint-NAME runs one'
	@echo 'make format              formats all C'
	@echo 'make docs                the documentation as HTML, PDF and ePub, in build/docs/; docs-html builds one'
	@echo 'make deps                installs what building and testing need'
	@echo 'make compile_commands.json   for clangd'
	@echo 'make clean, distclean'
	@echo 'Variables: CONFIG=release|debug, V=1, CROSS_COMPILE=x86_64-linux-gnu-'
