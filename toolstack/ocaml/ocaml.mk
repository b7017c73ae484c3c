# The OCaml binding and the builder in OCaml: Debian's ocaml-nox, no ocamlfind. Included by toolstack/toolstack.mk.
OCAMLOPT  ?= ocamlopt
TSO       := $(TS)/ocaml
OCAML_FLAGS := -w +a-4-9-40-41-42-44-45-70 -warn-error +a -g -I $(TSO)

ifneq ($(shell command -v $(OCAMLOPT) 2>/dev/null),)
OCAML_STUBS := $(patsubst %,$(TS)/obj/toolstack/ocaml/%.o,homestead_stubs node_pages_stub)
OCAML_XC    := $(TS)/obj/toolstack/ocaml/builder/xc_stubs.o
# OCaml's headers, which our warnings do not concern.
$(OCAML_STUBS) $(OCAML_XC): TS_CFLAGS += -isystem $(shell $(OCAMLOPT) -where) -Wno-missing-prototypes -Wno-shadow
-include $(OCAML_STUBS:.o=.d) $(OCAML_XC:.o=.d)
TOOLSTACK_ALL += $(TS)/ocaml-builder

$(TSO)/libhomestead_stubs.a: $(OCAML_STUBS)
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(CROSS_COMPILE)ar qcs $@ $^

$(TSO)/%.cmi: toolstack/ocaml/%.mli $(MAKEFILES_USED)
	$(call say,OCAML,$<)
	@mkdir -p $(@D)
	$(Q)$(OCAMLOPT) $(OCAML_FLAGS) -c -o $@ $<
$(TSO)/%.cmx: toolstack/ocaml/%.ml $(TSO)/%.cmi
	$(call say,OCAML,$<)
	$(Q)$(OCAMLOPT) $(OCAML_FLAGS) -c -o $@ $<
$(TSO)/%.cmi: toolstack/ocaml/builder/%.mli $(MAKEFILES_USED)
	$(call say,OCAML,$<)
	@mkdir -p $(@D)
	$(Q)$(OCAMLOPT) $(OCAML_FLAGS) -c -o $@ $<
$(TSO)/xc.cmx: toolstack/ocaml/builder/xc.ml $(TSO)/xc.cmi
	$(call say,OCAML,$<)
	$(Q)$(OCAMLOPT) $(OCAML_FLAGS) -c -o $@ $<
$(TSO)/builder.cmx: toolstack/ocaml/builder/builder.ml $(TSO)/xc.cmx $(TSO)/homestead.cmx
	$(call say,OCAML,$<)
	$(Q)$(OCAMLOPT) $(OCAML_FLAGS) -c -o $@ $<

# `ocamlopt homestead.cmxa` links the stubs and libhomestead, too.
$(TSO)/homestead.cmxa: $(TSO)/homestead.cmx $(TSO)/libhomestead_stubs.a
	$(call say,OCAML,$@)
	$(Q)$(OCAMLOPT) -a -o $@ $< -cclib -lhomestead_stubs -cclib -lhomestead

$(TS)/ocaml-builder: $(TSO)/homestead.cmxa $(TSO)/xc.cmx $(TSO)/builder.cmx $(OCAML_XC) $(LIBHS)
	$(call say,OCAML,$@)
	$(Q)$(OCAMLOPT) -g -o $@ -I $(TSO) $(TSO)/homestead.cmxa $(TSO)/xc.cmx $(TSO)/builder.cmx $(OCAML_XC) \
	    -ccopt -L$(TSO) -ccopt -L$(TS) -ccopt -Wl,-rpath,'\$$ORIGIN' -cclib -lxenctrl

# The binding's host test: the stubs and libhomestead under ASan, and a libxencall of the test's.
OCAML_TEST      := build/host/ocaml_binding_test
OCAML_TEST_DIR  := build/host/ocaml
OCAML_TEST_C    := toolstack/ocaml/homestead_stubs.c toolstack/ocaml/node_pages_stub.c tests/unit/toolstack/ocaml/fake_stubs.c
OCAML_TEST_OBJ  := $(OCAML_TEST_C:%.c=$(OCAML_TEST_DIR)/%.o) \
    $(patsubst %.c,build/host/obj/%.o,$(LIBHS_C) tests/unit/toolstack/fake_xencall.c)
-include $(OCAML_TEST_C:%.c=$(OCAML_TEST_DIR)/%.d)
$(OCAML_TEST_DIR)/%.o: %.c $(MAKEFILES_USED)
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(TEST_CFLAGS) -Itoolstack/libhomestead -isystem $(shell $(OCAMLOPT) -where) -Wno-shadow -c $< -o $@
$(OCAML_TEST): tests/unit/toolstack/ocaml/binding_test.ml $(TSO)/homestead.cmx $(OCAML_TEST_OBJ)
	$(call say,OCAML,$@)
	@mkdir -p $(OCAML_TEST_DIR)
	$(Q)$(OCAMLOPT) $(OCAML_FLAGS) -c -o $(OCAML_TEST_DIR)/binding_test.cmx $<
	$(Q)$(OCAMLOPT) -g -o $@ $(TSO)/homestead.cmx $(OCAML_TEST_DIR)/binding_test.cmx $(OCAML_TEST_OBJ) \
	    -ccopt '-fsanitize=address,undefined -pthread'
.PHONY: check-ocaml_binding
check-ocaml_binding: $(OCAML_TEST)
	$(Q)$<
else
toolstack check: ocaml-skipped
.PHONY: ocaml-skipped
ocaml-skipped:
	@echo "ocaml skipped, the binding, its test and the builder: no $(OCAMLOPT) (Debian's ocaml-nox; make toolstack-deps)"
endif
