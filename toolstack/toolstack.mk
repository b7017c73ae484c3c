# Userland for claims in domain 0: `make toolstack`. Needs Debian's libxen-dev; nothing else of the build needs any of this.
# Included by the Makefile, and includes the folders' own: toolstack/NAME/NAME.mk adds to TOOLSTACK_ALL what it
# makes.

TS          := build/toolstack
TS_VERSION  := 1.0
PREFIX      ?= /usr/local
TS_INCDIR   := $(PREFIX)/include
TS_LIBDIR   := $(PREFIX)/lib
TS_CFLAGS   := -std=gnu11 -O2 -g $(WARN) -fPIC -fvisibility=hidden -D_GNU_SOURCE -Itoolstack/libhomestead -MMD -MP
TOOLSTACK_ALL :=
# Of it, what belongs into PREFIX/bin.
TOOLSTACK_PROGRAMS :=

# --- libhomestead --------------------------------------------------------------------------------------------
LIBHS_C     := $(wildcard toolstack/libhomestead/*.c)
LIBHS_OBJ   := $(LIBHS_C:%.c=$(TS)/obj/%.o)
# The library's sources have the ABI from include/xen/; programs have libxen-dev's.
$(LIBHS_OBJ): TS_CFLAGS += -Iinclude
LIBHS       := $(TS)/libhomestead.so.1
LIBHS_LIBS  := -lxencall -pthread
TOOLSTACK_ALL += $(LIBHS) $(TS)/libhomestead.a $(TS)/claim-example

$(TS)/obj/%.o: %.c $(MAKEFILES_USED)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TS_CFLAGS) -c $< -o $@
-include $(LIBHS_OBJ:.o=.d)

$(TS)/libhomestead.a: $(LIBHS_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(CROSS_COMPILE)ar qcs $@ $^

# Never unloaded: it has handlers of fork(), and a handle that any thread may use.
$(LIBHS): $(LIBHS_OBJ) toolstack/libhomestead/homestead.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libhomestead.so.1 -Wl,--version-script=toolstack/libhomestead/homestead.map \
	    -Wl,-z,defs -Wl,-z,nodelete -o $@ $(LIBHS_OBJ) $(LIBHS_LIBS)
	$(Q)ln -sf libhomestead.so.1 $(TS)/libhomestead.so

# Programs look for the library beside themselves, then where the system looks.
TS_LINK = -L$(TS) -Wl,-rpath,'$$ORIGIN' -lhomestead

$(TS)/claim-example: $(TS)/obj/toolstack/example/claim-example.o $(LIBHS)
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $< $(TS_LINK) -lxenctrl
-include $(TS)/obj/toolstack/example/claim-example.d

include $(wildcard toolstack/*/*.mk)

# --- targets -------------------------------------------------------------------------------------------------
.PHONY: toolstack toolstack-install toolstack-deps
toolstack-deps:
	$(Q)tools/setup.sh $(if $(filter-out 0,$(NO_INSTALL)),--no-install) toolstack
ifneq ($(wildcard /usr/include/xencall.h),)
toolstack: $(TOOLSTACK_ALL)
else
toolstack:
	@echo "toolstack skipped: no /usr/include/xencall.h (Debian's libxen-dev; make toolstack-deps)"
endif

# Every function has a manual page, by its own name or by a link to the page that it is on.
TS_MAN     := $(wildcard toolstack/libhomestead/man/*.3)
TS_MANDIR  := $(PREFIX)/share/man
TS_OCAML   := $(TS_LIBDIR)/ocaml/homestead
ts_put      = install -D -m $(1) $(2) $(DESTDIR)$(3)
ts_pc       = sed 's|@PREFIX@|$(PREFIX)|; s|@INCLUDEDIR@|$(TS_INCDIR)|; s|@LIBDIR@|$(TS_LIBDIR)|; s|@VERSION@|$(TS_VERSION)|' \
        toolstack/libhomestead/$(1).pc.in | $(call ts_put,644,/dev/stdin,$(TS_LIBDIR)/pkgconfig/$(1).pc)
toolstack-install: toolstack
	$(Q)$(call ts_put,644,toolstack/libhomestead/homestead.h,$(TS_INCDIR)/homestead.h)
	$(Q)$(call ts_put,644,toolstack/libhomestead/compat/xenctrl.h,$(TS_INCDIR)/homestead/compat/xenctrl.h)
	$(Q)$(call ts_put,644,$(TS)/libhomestead.a,$(TS_LIBDIR)/libhomestead.a)
	$(Q)$(call ts_put,755,$(LIBHS),$(TS_LIBDIR)/libhomestead.so.$(TS_VERSION))
	$(Q)ln -sf libhomestead.so.$(TS_VERSION) $(DESTDIR)$(TS_LIBDIR)/libhomestead.so.1
	$(Q)ln -sf libhomestead.so.1 $(DESTDIR)$(TS_LIBDIR)/libhomestead.so
	$(Q)$(call ts_pc,homestead)
	$(Q)$(call ts_pc,homestead-xenctrl)
	$(Q)set -e; for page in $(TS_MAN); do \
	    $(call ts_put,644,$$page,$(TS_MANDIR)/man3/$$(basename $$page)); \
	    sed -n 's/^\.Nm \([a-z0-9_]*\).*/\1/p' $$page | sort -u | while read -r name; do \
	        [ -e $(DESTDIR)$(TS_MANDIR)/man3/$$name.3 ] || ln -s $$(basename $$page) $(DESTDIR)$(TS_MANDIR)/man3/$$name.3; \
	    done; \
	done
	$(Q)set -e; [ ! -e $(TS)/ocaml/homestead.cmxa ] || for file in homestead.cmxa homestead.a homestead.cmi homestead.cmx \
	    libhomestead_stubs.a; do \
	    $(call ts_put,644,$(TS)/ocaml/$$file,$(TS_OCAML)/$$file); \
	done
	$(Q)$(call ts_put,644,toolstack/ocaml/homestead.mli,$(TS_OCAML)/homestead.mli)
	$(Q)set -e; for program in $(TOOLSTACK_PROGRAMS); do $(call ts_put,755,$(TS)/$$program,$(PREFIX)/bin/$$program); done
	$(Q)echo "toolstack: installed in $(DESTDIR)$(PREFIX)"
