# hsctl, the command of toolstack/hsctl/. Included by toolstack/toolstack.mk.
# xen.c has the ABI of include/xen/, as libhomestead; nothing else here sees it.
HSCTL_C   := $(wildcard toolstack/hsctl/*.c)
HSCTL_OBJ := $(HSCTL_C:%.c=$(TS)/obj/%.o)
$(HSCTL_OBJ): TS_CFLAGS += -I.
$(TS)/obj/toolstack/hsctl/xen.o: TS_CFLAGS += -Iinclude
TOOLSTACK_ALL += $(TS)/hsctl
TOOLSTACK_PROGRAMS += hsctl
-include $(HSCTL_OBJ:.o=.d)

# With the library in it: one file to copy into an initramfs.
$(TS)/hsctl: $(HSCTL_OBJ) $(TS)/libhomestead.a
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $(HSCTL_OBJ) $(TS)/libhomestead.a $(LIBHS_LIBS) -lxenstore

.PHONY: hsctl-install-man
toolstack-install: hsctl-install-man
hsctl-install-man:
	$(Q)$(call ts_put,644,toolstack/hsctl/hsctl.1,$(TS_MANDIR)/man1/hsctl.1)
