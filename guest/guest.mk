# What runs in a virtual machine, each program one ELF file in build/guest/: dom0 (the builder) and test, and the archive dom0 gets by
# default; in tests/guests/ those that only tests and benchmarks run, and in docs/samples/guest/ the samples of the guest guide. They do not
# depend on CONFIG.

GUEST_PROGRAMS := dom0 test
TEST_PROGRAMS  := bench hostile conformance samples selftest stranger
guest_files     = $(wildcard $(foreach d,guest/$(1) tests/guests/$(1) $(GUEST_DIR_$(1)),$(d)/*.$(2))) $(filter %.c,$(GUEST_PARTS_$(1):%=guest/dom0/%.$(2)))
GUEST_DIR_samples := docs/samples/guest
# The builder's parts that the self test is made of.
GUEST_PARTS_selftest := session host populate layout shell watch console ring terminal explain
# The tutorial's domain 0.
TEST_PROGRAMS  += own-dom0
GUEST_PARTS_own-dom0 := cpio
GUEST_CFLAGS   := $(filter-out -Og -DDEBUG,$(CFLAGS_FREE)) -O2 -mcmodel=small -fno-delete-null-pointer-checks
GUEST_LIB_C    := lib/elf.c lib/guest_acpi.c lib/open_line.c lib/printf.c lib/string.c lib/parse.c $(wildcard guest/lib/*.c)
GUEST_LIB_OBJ  := $(GUEST_LIB_C:%.c=build/guest/obj/%.o) \
        $(patsubst %.asm,build/guest/obj/%.asm.o,$(wildcard guest/lib/*.asm))

# `stranger` is a guest as others write them: it has nothing of guest/lib.
guest_lib       = $(if $(filter stranger,$(1)),build/guest/obj/lib/printf.o build/guest/obj/lib/string.o,$(GUEST_LIB_OBJ))

.PHONY: guests test-guests
guests: $(GUEST_PROGRAMS:%=build/guest/%.elf) build/guest/default.cpio
test-guests: $(TEST_PROGRAMS:%=build/guest/%.elf) $(STRANGERS:%=build/%.efi)
	@:

build/guest/obj/%.o: %.c $(MAKEFILES_USED)
	$(call say,GUESTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -c $< -o $@

build/guest/obj/%.asm.o: %.asm $(MAKEFILES_USED)
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -g -F dwarf -w+all -Werror -MD $(@:.o=.d) -MP -o $@ $<

# Debian's static libraries, for kernels that are compressed.
DECODER_LIBS    := libz.a liblz4.a liblzma.a libzstd.a
GUEST_LIBS_dom0 := $(foreach l,$(DECODER_LIBS),$(shell $(CC) -print-file-name=$(l)))
$(DECODER_LIBS):
	@echo "dom0: $(CC) has no $@; Debian's zlib1g-dev, liblz4-dev, liblzma-dev and libzstd-dev (amd64) have it: tools/setup.sh build"
	@exit 1

build/guest/obj/guest/dom0/decode.o: | $(GUEST_LIBS_dom0)

define guest_rule
GUEST_$(1)_OBJ := $$(patsubst %.c,build/guest/obj/%.o,$$(call guest_files,$(1),c)) \
    $$(patsubst %.asm,build/guest/obj/%.asm.o,$$(call guest_files,$(1),asm))
build/guest/$(1).elf: $$(GUEST_$(1)_OBJ) $$(call guest_lib,$(1)) guest/lib/guest.lds $$(GUEST_LIBS_$(1))
	$$(call say,LD,$$@)
	$$(Q)$$(LD) -nostdlib -static -z max-page-size=0x1000 -z noexecstack --build-id=none --no-warn-rwx-segments \
	    -T guest/lib/guest.lds -o $$@ $$(GUEST_$(1)_OBJ) $$(call guest_lib,$(1)) $$(GUEST_LIBS_$(1))
-include $$(GUEST_$(1)_OBJ:.o=.d)
endef
$(foreach p,$(GUEST_PROGRAMS) $(TEST_PROGRAMS),$(eval $(call guest_rule,$(p))))
-include $(GUEST_LIB_OBJ:.o=.d)

# build/guest/NAME.cpio holds guest/configs/NAME/* and every guest image. The images are stripped: dom0 copies them.
build/guest/%.cpio: build/guest/test.elf guest/configs/% $(MAKEFILES_USED)
	$(call say,CPIO,$@)
	@rm -rf $@.dir && mkdir -p $@.dir
	$(Q)cp guest/configs/$*/* $@.dir/ && $(OBJCOPY) --strip-all build/guest/test.elf $@.dir/test.elf
	$(Q)cd $@.dir && ls | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible -R 0:0 > $(abspath $@)
	@rm -rf $@.dir

$(foreach d,$(wildcard guest/configs/*),$(eval build/guest/$(notdir $(d)).cpio: $(wildcard $(d)/*)))

# What checks a Linux guest from the inside: a static program for Linux, with the C library (./run-qemu.sh --linux).
build/guest/linux-probe: guest/linux/probe.c $(MAKEFILES_USED)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(filter-out -Wmissing-prototypes,$(WARN)) -static -s -o $@ $<
