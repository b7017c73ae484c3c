# The UEFI loader: build/BOOTX64.EFI, a GNU-EFI application. Debian's gnu-efi puts its files where these
# two variables say; elsewhere override them.
EFI_INCLUDE ?= /usr/include/efi
EFI_LIB     ?= /usr/lib

# Firmware code is position independent and LP64, with 16-bit wchar_t; calls into the firmware use the
# Microsoft convention (GNU_EFI_USE_MS_ABI). The headers are not ours: -isystem keeps warnings out of them.
EFI_CFLAGS := -std=gnu11 -O2 -g $(WARN) -ffreestanding -fpic -fshort-wchar -fno-stack-protector -fno-common \
        -fno-asynchronous-unwind-tables -fcf-protection=none -fno-strict-aliasing -mno-red-zone -mgeneral-regs-only \
        -maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI -Iinclude -I. -isystem $(EFI_INCLUDE) \
        -isystem $(EFI_INCLUDE)/x86_64 -MMD -MP
EFI_OBJ := $(patsubst %.c,$(O)/efi/%.o,$(wildcard boot/efi/*.c) lib/elf.c lib/parse.c lib/printf.c lib/string.c) \
           $(patsubst %.asm,$(O)/efi/%.asm.o,$(wildcard boot/efi/*.asm))
EFI_SECTIONS := .text .sdata .data .rodata .dynamic .dynsym .rel .rela .rel.* .rela.* .reloc

.PHONY: efi
efi: $(O)/BOOTX64.EFI

$(O)/efi/%.o: %.c $(MAKEFILES_USED)
	$(call say,EFICC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EFI_CFLAGS) -c $< -o $@

$(O)/efi/%.asm.o: %.asm $(MAKEFILES_USED)
	$(call say,NASM,$<)
	@mkdir -p $(@D)
	$(Q)$(NASM) -f elf64 -g -F dwarf -w+all -Werror -MD $(@:.o=.d) -MP -o $@ $<

# UEFI applications of the tests that stand for other boot loaders.
STRANGERS := holder multiboot
$(O)/efi/loader.so: $(EFI_OBJ)
$(O)/efi/holder.so: $(O)/efi/tests/strangers/holder.o
$(O)/efi/multiboot.so: $(patsubst %,$(O)/efi/tests/strangers/%.o,multiboot multiboot_enter.asm)

# A symbol that nobody defines would be a jump to address 0 in the firmware, without a word: refuse it here.
$(O)/efi/%.so:
	$(call say,LD,$@)
	$(Q)$(LD) -nostdlib -znocombreloc -znoexecstack --no-warn-rwx-segments -T $(EFI_LIB)/elf_x86_64_efi.lds \
	    -shared -Bsymbolic -L $(EFI_LIB) -o $@ $(EFI_LIB)/crt0-efi-x86_64.o $^ -lgnuefi -lefi
	$(Q)if $(NM) -D --undefined-only $@ | grep .; then \
	    echo "$@: the symbols above are not defined anywhere" >&2; rm -f $@; exit 1; fi

$(O)/BOOTX64.EFI: $(O)/efi/loader.so
$(STRANGERS:%=$(O)/%.efi): $(O)/%.efi: $(O)/efi/%.so
$(O)/BOOTX64.EFI $(STRANGERS:%=$(O)/%.efi):
	$(call say,OBJCOPY,$@)
	$(Q)$(OBJCOPY) $(EFI_SECTIONS:%=-j '%') --target efi-app-x86_64 --subsystem=10 $< $@

-include $(EFI_OBJ:.o=.d) $(wildcard $(O)/efi/tests/strangers/*.d)
