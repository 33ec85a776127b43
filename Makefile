# Entry points for developers. Longer steps are scripts in tests/tools/.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TOOLS  := tests/tools
DOCS   := .cache/docs-venv

COLLECTIONS := .cache/collections
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(COLLECTIONS)
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_USE_PEP517 := 1
# The hashes of all files are pinned (tests/tools/pins.py).
PIP := -m pip install --quiet --require-hashes --requirement
# Compiled files are kept, in .cache, also where PYTHONDONTWRITEBYTECODE is set: the tests start Python many times.
PYTEST := env -u PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX=$(CURDIR)/.cache/pycache $(BIN)/python -m pytest

# Stages, the most important first.
UNIT   := unit-others unit-hosts
TEST   := $(UNIT) lint integration thorough interop fleet sanity docs
# The tests of the watch have processes that live for milliseconds, so no other stage runs beside them.
SYSTEM := --alone watch watch hosts molecule guides report-page
GATES  := matrix packaging

.DEFAULT_GOAL := help
# allow-phrase: proofs
.PHONY: help setup demo test slowest proofs unit unit-hosts unit-others thorough integration interop guides fleet corpus mutation roots hosts molecule watch report-page lint docs sanity benchmark benchmark-fleet benchmark-watch benchmark-hardening benchmark-inventory clean constraints newcomer collection tools matrix gates heavy packaging dist release-check changelog

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.core collection ## Make .venv and install the collection into .cache/collections
	@echo "Ready. Try: make demo"

demo: collection ## Enforce security hardening mode on three emulated instances, read metadata, restore
	@$(TOOLS)/need.sh ip:iproute2 || true
	@$(TOOLS)/in-lab.sh $(BIN)/python tests/demo/demo.py

test: tools ## Run all checks that take minutes: unit, lint, integration, thorough, interop, fleet, sanity, docs
	@$(BIN)/python $(TOOLS)/stages.py --lanes 2 $(TEST)

slowest: tools ## List the 20 slowest tests of make test, run without other stages beside them (STAGES=hosts for others)
	@$(BIN)/python $(TOOLS)/stages.py --slowest 20 $(or $(STAGES),$(TEST))

# .ci/run calls this target. allow-phrase: proofs
proofs: tools ## Run the system tests, which take longer: test hosts, molecule, the watch, long guides, a browser
	@$(BIN)/python $(TOOLS)/stages.py --lanes 2 $(SYSTEM)

heavy: tools ## Run the system tests and the gates side by side, as CI does
	@MATRIX=--after-test $(BIN)/python $(TOOLS)/stages.py --lanes 2 $(SYSTEM) $(GATES)

unit: $(VENV)/.test ## Unit tests for the inner loop (seconds)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target $(UNIT)

# Two halves that take about as long as each other. Two processes need a quarter less time than one with two workers.
HOST_SIDE := $(addprefix tests/unit/plugins/module_utils/,_command _imds _openapi _preflight _watch)
unit-hosts: $(VENV)/.test
	@$(PYTEST) --quiet -m "not slow" $(HOST_SIDE)

unit-others: $(VENV)/.test
	@$(PYTEST) --quiet -m "not slow" $(addprefix --ignore=,$(HOST_SIDE)) tests/unit

thorough: $(VENV)/.test ## The other unit tests: the emulator, the vendor's SDK, old Pythons, shells
	@$(TOOLS)/need.sh zsh:zsh fish:fish || [ -z "$$CI" ]
	@[ -z "$$CI" ] || $(TOOLS)/need.sh rpm:rpm rpmbuild:rpm go:golang-go mmdebstrap:mmdebstrap
	@[ -z "$$CI" ] || $(BIN)/python tests/hosts/roots.py bookworm trixie # with two releases of nginx
	@$(PYTEST) -n 2 -m slow tests/unit

integration: tools collection ## Playbooks, guides and README against emulated instances, in the network laboratory
	@$(TOOLS)/need.sh jq:jq || [ -z "$$CI" ]
	@$(TOOLS)/in-lab.sh $(PYTEST) -n 3 -m "not long" tests/integration $(ARGS)

guides: tools collection ## The guides that harden three hosts several times, in the laboratory
	@$(TOOLS)/in-lab.sh $(PYTEST) -n 2 -m long tests/integration $(ARGS)

interop: tools collection ## Clients of other projects against the emulator, in the laboratory
	@$(TOOLS)/need.sh wget:wget || [ -z "$$CI" ]
	@$(BIN)/python $(TOOLS)/interop.py
	@$(TOOLS)/in-lab.sh $(PYTEST) -n 3 --dist loadfile tests/interop $(ARGS)

corpus: $(VENV)/.test ## Measure the preflight check of scripts on labeled files (ARGS=--verbose lists differences)
	@$(BIN)/python tests/corpus/measure.py $(ARGS)

mutation: $(VENV)/.test ## Change 200 random statements, one at a time: how many do the unit tests notice? (ARGS="N SEED")
	@$(BIN)/python $(TOOLS)/mutation.py $(ARGS)

fleet: $(VENV)/.test collection ## Change, interrupt and restore 10,000 emulated instances, and measure it
	@$(PYTEST) tests/fleet

watch: tools ## The callers watch under mixed load, floods and disturbances, in the laboratory (root)
	@$(BIN)/python $(TOOLS)/interop.py
	@$(TOOLS)/in-lab.sh $(PYTEST) tests/watch $(ARGS)

roots: tools ## Create the Debian root file systems of the test hosts if they are missing (root)
	@$(TOOLS)/need.sh mmdebstrap:mmdebstrap systemd-nspawn:systemd-container ssh:openssh-client || [ -z "$$CI" ]
	@$(BIN)/python tests/hosts/roots.py || [ -z "$$CI" ]

# The last release of the vendor's credentials library that sends normal-mode requests: the preflight check must find it.
.cache/old-sdk: $(VENV)/.test
	@$(BIN)/python $(PIP) tests/hosts/constraints.txt --no-deps --target $@.new && rm -rf $@ && mv $@.new $@

hosts: roots collection .cache/old-sdk ## Tests on test hosts with systemd, nftables and SSH (ARGS=-k NAME for some)
	@$(BIN)/python $(TOOLS)/matrix.py --prepare 2.16 || [ -z "$$CI" ]
	@$(BIN)/python $(TOOLS)/labs.py tests/hosts $(ARGS)

molecule: roots collection ## Molecule scenarios on test hosts (ARGS=NAME... for some)
	@$(TOOLS)/in-lab.sh $(BIN)/python tests/hosts/scenarios.py $(ARGS)

report-page: $(VENV)/.test collection ## The fleet report and the documentation in a browser
	@$(TOOLS)/need.sh chromium:chromium chromedriver:chromium-driver || [ -z "$$CI" ]
	@$(PYTEST) tests/report

lint: tools ## Check style, types, language, changelog, documentation (ARGS=ruff for some checks)
	@$(BIN)/python $(TOOLS)/lint.py $(ARGS)

docs: $(DOCS)/.made ## Build the documentation in build/docs; warnings are errors
	@$(DOCS)/bin/python $(TOOLS)/docs.py build/docs

# `make thorough` imports all files with each Python; `make matrix` runs the two tests of ansible-test that take longest.
sanity: $(VENV)/.core ## ansible-test sanity on what is shipped
	@$(BIN)/python $(TOOLS)/sanity.py --skip-test import --skip-test pylint

gates: tools ## Check the tarball, and each supported ansible-core: packaging, matrix
	@MATRIX=--after-test $(BIN)/python $(TOOLS)/stages.py --lanes 2 $(GATES)

packaging: $(VENV)/.test ## Check the tarball and the wheel: same bytes, importer, twine, builder, oldest versions, ansible-pull, container
	@[ -z "$$CI" ] || $(TOOLS)/need.sh podman:podman runc:runc mmdebstrap:mmdebstrap
	@$(BIN)/python -m pytest tests/packaging $(ARGS)

matrix: $(VENV)/.core ## Tests on each supported ansible-core (ARGS=2.21 for one)
	@$(BIN)/python $(TOOLS)/matrix.py $(MATRIX) $(ARGS)

benchmark: tools collection ## Compare the speed with amazon.aws.ec2_metadata_facts (ARGS=--quick for a short run)
	@$(BIN)/python tests/benchmark/peer.py
	@$(TOOLS)/in-lab.sh $(BIN)/python tests/benchmark/run.py $(ARGS)

benchmark-hardening: roots collection ## Compare hardening up to 1,000 hosts with pings, and with one task per step (ARGS=10 for one number)
	@$(TOOLS)/in-lab.sh $(BIN)/python tests/benchmark/hardening.py $(ARGS)

benchmark-fleet: $(VENV)/.test collection ## Compare changing up to 100,000 instances with a loop over the vendor's SDK
	@$(BIN)/python $(TOOLS)/interop.py || [ -z "$$CI" ]
	@$(BIN)/python tests/benchmark/fleet.py

benchmark-inventory: $(VENV)/.test collection ## Compare the inventory plugin with an inventory script over the vendor's SDK
	@$(BIN)/python $(TOOLS)/interop.py || [ -z "$$CI" ]
	@$(BIN)/python tests/benchmark/inventory.py

dist: $(VENV)/.core ## Build the tarball, and the wheel of the emulator, of the last commit in build/, reproducibly
	@$(BIN)/python $(TOOLS)/dist.py build

release-check: $(VENV)/.core ## Check that the last commit is a complete release: versions, changelog, tag, same bytes twice
	@$(BIN)/python $(TOOLS)/release_check.py

changelog: $(VENV)/.test ## Write the release notes of the version in galaxy.yml from changelogs/fragments
	@$(BIN)/python $(TOOLS)/changelog.py

benchmark-watch: $(VENV)/.test ## Measure the overhead of the callers watch (ARGS=--quick for a short run)
	@$(TOOLS)/in-lab.sh $(BIN)/python tests/watch/benchmark.py $(ARGS)

clean: ## Remove all files that make created
	rm -rf $(VENV) .cache build .ansible .hypothesis tests/output

constraints: ## Update the pinned versions and hashes (ARGS=FILE... for some)
	@"$(PYTHON)" $(TOOLS)/pins.py $(ARGS)

newcomer: ## Run the README's commands on a fresh Debian 12 and 13 (SUITES=trixie TARGETS=demo for one; root; minutes)
	@SUITES="$(SUITES)" $(TOOLS)/newcomer.sh $(TARGETS)

# Prerequisites of other targets

$(VENV)/.made:
	@$(TOOLS)/make-venv.sh "$(PYTHON)" $(VENV)
	@touch $@

$(VENV)/.core: $(VENV)/.made constraints-core.txt
	@echo "Installing ansible-core"
	@$(BIN)/python $(PIP) constraints-core.txt
	@touch $@

$(VENV)/.test: $(VENV)/.core constraints.txt
	@echo "Installing the test tools"
	@$(BIN)/python $(PIP) constraints.txt
	@touch $@

# Sphinx needs other versions of packages that the linters use, so it has its own environment.
$(DOCS)/.made: constraints-docs.txt
	@$(TOOLS)/make-venv.sh "$(PYTHON)" $(DOCS)
	@echo "Installing Sphinx"
	@$(DOCS)/bin/python $(PIP) constraints-docs.txt
	@touch $@

# Programs that some tests use. If one cannot be installed, its tests are skipped with the reason.
tools: $(VENV)/.test
	@$(TOOLS)/need.sh ip:iproute2 nft:nftables curl:curl openssl:openssl shellcheck:shellcheck || [ -z "$$CI" ]

# Install the built tarball, so that tests use the same files as users. Does nothing if the sources are unchanged.
collection: $(VENV)/.core
	@$(BIN)/python $(TOOLS)/collection.py $(COLLECTIONS)
