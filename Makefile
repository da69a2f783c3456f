# Everything there is to do here. A fresh checkout needs only `make demo` or `make test`:
# whatever is missing is installed first, and said.
.DEFAULT_GOAL := help
.PHONY: help setup demo test slow properties check fmt docs bench lock install uninstall

BIN := .venv/bin
PYTHON_FILES := edge drivers buffer simulators tests bench docs

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install what development needs: mosquitto, and .venv with the locked dependencies
	@.ci/setup

demo: setup ## run a simulated site and watch its milestones arrive (SECONDS=45 ends it by itself)
	$(BIN)/milepost demo $(if $(SECONDS),--seconds $(SECONDS))

test: setup ## run the tests (the slow proofs are `make slow`)
	@.ci/require cc
	$(BIN)/pytest -n 2 --dist loadfile

slow: setup ## run the long proofs: real installations, power cuts, whole plays of the site
	@.ci/require cc ext4 fuse nft
	$(BIN)/pytest -m slow

properties: SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
properties: setup ## try each property of the engine on 10,000 examples (SEED=… as printed repeats a failure)
	$(BIN)/pytest -n 2 --dist worksteal --timeout 900 -m "hypothesis and not slow" \
		--hypothesis-profile thorough --hypothesis-seed $(SEED) \
		tests/property tests/unit/edge/milestones

check: setup ## judge style, types and the arrows between packages
	$(BIN)/ruff check && $(BIN)/ruff format --check
	$(BIN)/mypy --strict $(PYTHON_FILES) && $(BIN)/lint-imports

fmt: setup ## format, and mend what the linter can mend
	$(BIN)/ruff format && $(BIN)/ruff check --fix

docs: setup ## write what follows from the code into docs/
	$(BIN)/python -m docs.reference

bench: setup ## measure throughput and latency
	$(BIN)/python -m bench

lock: ## resolve the dependencies anew into requirements/*.lock
	@.ci/lock

install: ## install the service on this box, as root (DESTDIR=/elsewhere: only the files)
	@systemd/install

uninstall: ## remove the service; its data and its configuration stay
	@systemd/uninstall
