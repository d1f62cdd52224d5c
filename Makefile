# Every command works on a fresh clone: what it needs is installed into .venv first.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo serve test check proofs format lock contract clean

help: ## List the commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST)

demo: .venv/demo ## Live the main job with two phones side by side
	@$(BIN)/twofold demo

serve: .venv/demo ## Serve API and worker on the embedded database; docs in the browser
	@$(BIN)/twofold serve --with-worker

test: .venv/dev ## Run the tests
	$(BIN)/pytest -n auto

check: .venv/dev ## Format, lint, types, import contracts, contract file, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/twofold openapi --check
	$(BIN)/pytest -n auto

contract: ## Lint openapi.yaml and type-check a TypeScript client of it (needs Node and npm)
	tests/contract/check

# Each prints what it did, its seed and its time, and takes sizes: see its --help.
proof-%: .venv/dev
	$(BIN)/python -m tests.proofs.$* $(SIZES)

PROOFS := matrix races states fuzz privacy crash writes outage access occurrences bouncer many
proofs: $(PROOFS:%=proof-%) ## Run the programs that prove, at full size (also one by one: make proof-crash)

# What is measured, turn by turn with what it is compared with; takes sizes, too.
bench-%: .venv/bench
	$(BIN)/python -m tests.benchmarks.$* $(SIZES)

BENCHMARKS := home parts answering shares entering nudges sweep growth startup herd document
bench: $(BENCHMARKS:%=bench-%) ## Measure, and write BENCHMARKS.md (needs wrk: apt-get install wrk)

format: .venv/dev ## Format, and write openapi.yaml and the tables of PRIVACY.md anew
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/twofold openapi
	$(BIN)/python -m tests.privacy_document

lock: ## Lock every dependency anew, with hashes
	$(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install -q uv
	$(LOCK) --group build -o requirements.txt
	$(LOCK) --group build --group dev -o requirements-dev.txt
	$(LOCK) --group build --group dev --group bench -o requirements-bench.txt

LOCK := .venv/lock/bin/uv pip compile -q pyproject.toml --upgrade --universal \
	--python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

clean: ## Remove what was installed; the data folder stays
	rm -rf .venv

# The three environments: what runs Twofold, what also develops it, and what also measures it.
# Each is a file that is newer than the lock it was installed from.
.venv/demo: requirements.txt pyproject.toml
	@$(MAKE) --no-print-directory install LOCKED=requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt pyproject.toml
	@$(MAKE) --no-print-directory install LOCKED=requirements-dev.txt
	@touch .venv/demo $@

.venv/bench: requirements-bench.txt pyproject.toml
	@$(MAKE) --no-print-directory install LOCKED=requirements-bench.txt
	@touch .venv/demo .venv/dev $@

.PHONY: install
install:
	@echo "Installing what $(LOCKED) names into .venv; the first time this takes a minute."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r $(LOCKED)
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
