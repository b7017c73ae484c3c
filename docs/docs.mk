# The documentation: docs/build.py. Included by the Makefile.

.PHONY: docs docs-html docs-pdf docs-epub docs-tools

# Installs what is missing, and builds HTML, PDF and ePub in build/docs/.
docs: docs-tools
	$(Q)$(PYTHON) -B docs/build.py html pdf epub

docs-html docs-pdf docs-epub: docs-%: docs-tools
	$(Q)$(PYTHON) -B docs/build.py $*

docs-tools:
	$(Q)$(SETUP) docs
	$(Q)$(MAKE) -s --no-print-directory build/docs/npm/installed

# mermaid-cli with the versions of the lock file, and Debian's chromium instead of a download.
build/docs/npm/installed: docs/package.json docs/package-lock.json
	$(call say,NPM,mermaid-cli)
	@mkdir -p $(@D)
	$(Q)if [ -n '$(filter-out 0,$(NO_INSTALL))' ]; then echo "docs: mermaid-cli is missing, and NO_INSTALL=1: npm ci"; exit 1; fi
	$(Q)cp docs/package.json docs/package-lock.json $(@D)
	$(Q)cd $(@D) && PUPPETEER_SKIP_DOWNLOAD=1 npm ci --loglevel=error --no-audit --no-fund
	@touch $@
