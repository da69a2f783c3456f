# Everything there is to do here. A fresh checkout needs only `make demo` or `make test`:
# whatever is missing is installed first, and said.
.DEFAULT_GOAL := help
.PHONY: help setup demo test slow properties coverage mutation check fmt docs bench lock install uninstall

BIN := .venv/bin
# What is started again and again, as the tests do, is compiled once.
unexport PYTHONDONTWRITEBYTECODE
PYTHON_FILES := edge drivers buffer simulators tests bench docs

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install what development needs: mosquitto, and .venv with the locked dependencies
	@.ci/setup

demo: setup ## run a simulated site and watch its milestones arrive (SECONDS=45 ends it by itself)
	$(BIN)/milepost demo $(if $(SECONDS),--seconds $(SECONDS))

# More at a time than there are cores, as many tests wait; in the order of the folders, as the longest come early.
test: setup ## run the tests (the slow proofs are `make slow`)
	@.ci/require cc
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

slow: setup ## run the long proofs: real installations, power cuts, whole plays of the site
	@.ci/require cc ext4 fuse nft
	$(BIN)/pytest -m slow --durations 20

# The store and configurations are no part of the engine; `make test` tries them as often as is set there.
properties: SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
properties: setup ## try each property of the engine on 10,000 examples (SEED=… as printed repeats a failure)
	$(BIN)/pytest -n 2 --dist worksteal --timeout 900 -m "hypothesis and not slow" \
		--hypothesis-profile thorough --hypothesis-seed $(SEED) \
		--ignore tests/property/test_buffer.py --ignore tests/property/test_hostile_configuration.py \
		tests/property tests/unit/edge/milestones

coverage: setup ## see that the tests of the pure engine take every branch of it
	$(BIN)/coverage run -m pytest -m "not slow and not hypothesis" tests/unit/edge/milestones
	$(BIN)/coverage report

mutation: setup ## change the engine in many small ways and see which no test notices (OF=a module's path: only there)
	$(BIN)/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements/mutation.lock
	nice -n 10 $(BIN)/mutmut run --max-children 1 "$(if $(OF),$(subst /,.,$(OF:.py=)).x*,*)"
	$(BIN)/mutmut results | grep -v "not checked" || echo "no mutant survives"

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
