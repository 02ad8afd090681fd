# Everything runs from .venv, which is made here and nowhere else; nothing outside of the checkout is changed.

PYTHON ?= $(shell command -v python3.11 || echo python3)
UV ?= uv
ZONE ?=
ORIGIN ?=
PYTEST_ARGS ?=
TIMES ?= 1000000
SEEDS ?= 200000
ALL ?=

# One more than there are cores: many tests wait for a process or a clock.
PROCESSES := $(shell echo $$(($$(nproc) + 1)))

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCK := packaging/requirements-dev.lock
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-cache-dir

.DEFAULT_GOAL := help
.PHONY: help run demo test test-boot test-minimal differ differ-zonefiles updates dnssec faults fuzz simulate mutants primaries secondaries deb fast audit lint bench lock clean

help: ## list what there is to make
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r name text; do printf "%-18s  %s\n" "$$name" "$$text"; done

run: $(READY) ## serve examples/*.zone (or ZONE=file [ORIGIN=zone]) from a primary and a secondary, in the foreground
	@exec $(BIN)/python examples/run.py $(if $(ZONE),--zone-file "$$ZONE") $(if $(ORIGIN),--origin "$$ORIGIN")

demo: $(READY) ## walk through everything on ports of its own; fails if any answer is not the expected one
	@$(BIN)/python examples/demo.py

test: $(READY) lint ## lint, then every test; what was skipped, and for want of what, stands in the last lines
	$(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal $(PYTEST_ARGS)

faults: $(READY) ## 200 kill -9 each of secondary, puller and the primary's http process; takes a quarter of an hour
	ZONEGIT_KILLS=200 $(BIN)/python -m pytest -s -n 0 tests/faults/test_kills.py

simulate: $(READY) ## 200,000 (SEEDS=n) runs of fleets of nodes in one process, every law after every step; takes hours
	@ZONEGIT_SEEDS=$(SEEDS) PYTHONPATH=tests/kits $(BIN)/python -m simulation

mutants: $(READY) ## make each of some known bugs in a copy of the checkout: the tests have to notice it; takes minutes
	ZONEGIT_MUTANTS=all $(BIN)/python -m pytest -n auto tests/mutants

primaries: $(READY) ## zonegitd follows BIND, NSD, Knot and PowerDNS through 200 changes each
	ZONEGIT_PRIMARY_CHANGES=200 $(BIN)/python -m pytest --timeout 1800 tests/system/test_primaries.py

secondaries: $(READY) ## BIND, NSD and Knot follow 200 commits
	ZONEGIT_SECONDARY_COMMITS=200 $(BIN)/python -m pytest tests/system/test_secondaries.py

fuzz: $(READY) ## a million damaged inputs (TIMES=n) for each reader of foreign bytes; takes minutes
	ZONEGIT_FUZZ=$(TIMES) $(BIN)/python -m pytest -n auto tests/fuzz tests/system/test_rdata_peers.py

differ: $(READY) ## 100 (TIMES=n) made worlds of zones in zonegitd, BIND, NSD and Knot DNS: the same answers; takes minutes
	ZONEGIT_DIFFER=$(if $(filter command line,$(origin TIMES)),$(TIMES),100) \
	  $(BIN)/python -m pytest -n auto tests/system/test_differential.py

differ-zonefiles: $(READY) ## 12,000 (TIMES=n) made zone files in zonegit, BIND, NSD, Knot DNS and PowerDNS; takes ten minutes
	ZONEGIT_ZONE_FILES=$(if $(filter command line,$(origin TIMES)),$(TIMES),12000) \
	  $(BIN)/python -m pytest -s -n 0 tests/system/test_zonefile_peers.py

updates: $(READY) ## 20,000 (TIMES=n) made UPDATE messages to zonegit, BIND and Knot DNS: the same zone; takes ten minutes
	ZONEGIT_UPDATES=$(if $(filter command line,$(origin TIMES)),$(TIMES),20000) \
	  $(BIN)/python -m pytest -n 0 tests/system/test_update_peers.py

dnssec: $(READY) ## 500 edits of signed zones, all mistakes of a signer, 200 lives of keys; takes a quarter of an hour
	ZONEGIT_DNSSEC=all $(BIN)/python -m pytest -n auto tests/system/test_signing_validators.py \
	  tests/system/test_signed_answers.py tests/system/test_validators.py tests/unit/dnssec tests/laws/test_rollovers.py
	ZONEGIT_EXAMPLES=2000 $(BIN)/python -m pytest -n auto --timeout 1800 tests/laws/test_signing.py

test-boot: $(READY) ## build the package, boot it on a real systemd, test its life there (as root, with mmdebstrap)
	$(BIN)/python -m pytest -p no:randomly --timeout 300 tests/boot

test-minimal: $(READY) ## `make test` on a minimal Debian 12, less what only computes or repeats kills (ALL=1: with it); as root
	@$(BIN)/python packaging/minimal.py $(if $(ALL),--all)

deb: $(READY) ## build the Debian package of the commit that is checked out, into dist/ (on Debian 12)
	@$(BIN)/python packaging/build_deb.py

fast: $(READY) ## compile the hottest modules into build/fast (with gcc), and hold them to the same tests
	@$(BIN)/python packaging/fast.py
	ZONEGIT_COMPILED=1 PYTHONPATH=build/fast $(BIN)/python -m pytest -q -n auto tests/unit/dns tests/unit/model \
	  tests/unit/store tests/unit/sync tests/unit/tree tests/unit/zonefile tests/unit/packaging/test_compiled.py \
	  tests/unit/daemon/test_live_fastpath.py tests/unit/daemon/test_live_zones.py tests/unit/daemon/test_updater.py \
	  tests/unit/repo/updating tests/vectors

audit: $(READY) ## ask pip-audit for known vulnerabilities of what is locked; says what it lacks where it can't
	@$(BIN)/python packaging/audit.py

lint: $(READY) ## ruff and mypy --strict
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy examples

bench: $(READY) ## measure, with the peers that are installed, and print the tables
	@$(BIN)/python bench/run.py

lock: ## resolve the dependencies anew and write both lock files, hashes included (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv (https://docs.astral.sh/uv/), or UV=/path/to/uv" >&2; exit 1; }
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	  pyproject.toml -o packaging/requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	  --extra dev --extra geo --extra pkcs11 -c packaging/requirements.lock pyproject.toml -o $(LOCK)

clean: ## remove all that make made: .venv, caches, dist/, and var/ with the repositories of `make run`
	rm -rf $(VENV) var dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find appliance tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): $(LOCK) pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is not installed: apt install python3 python3-venv, or say PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11: say PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv or ensurepip: apt install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) from $(LOCK)"
	@$(PIP) install --quiet --require-hashes --no-deps --requirement $(LOCK)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q appliance/zonegit
	@touch $@
