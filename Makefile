# Every command of a developer's day; `make help` lists them.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
# Where nobody may write bytecode, each of the many processes compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE
# Tests that start many processes, kill them and watch the clock: apart from those that keep the cores busy. The
# longest come first, so that none of them is the last to run.
APART := tests/test_session.py tests/test_process.py tests/test_sentinel.py tests/test_wishes.py tests/test_demo.py \
	tests/test_demo_command.py tests/test_distribution.py tests/test_readme.py tests/test_pages.py \
	tests/test_session_faults.py tests/test_guide.py tests/test_manager.py tests/laws/test_under_load.py \
	tests/keeping/test_under_load.py tests/keeping/test_interrupted.py tests/test_durable.py tests/top \
	tests/test_flask_bridge.py tests/test_migrating.py \
	tests/test_watch.py tests/test_contact_sheet.py tests/test_exports.py tests/bridge/dashboard \
	tests/test_embedded.py tests/test_server.py tests/test_watcher.py tests/test_quarantine.py \
	tests/test_cluster.py tests/faults tests/worker
# Tests that need both cores for themselves: one after the other.
ALONE := tests/chaos/test_chaos.py tests/worker/test_limits.py
# What a check consists of, the longest first: two at a time.
CHECKS := check-types check-docs check-examples check-floors check-lua check-lint check-format

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow check $(CHECKS) docs format bench compare scale chaos chaos-long dist man clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(INSTALLED) ## make .venv with everything

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --no-compile --editable '.[dev]'
	@touch $@

demo: install ## the main job on real photographs, on a server of its own
	$(RUN) -m examples.demo

# So many at a time keep two cores busy: they wait, too. Who is done takes from what is left to another.
AT_ONCE ?= 3
test: install ## all that CI runs, services included
	$(RUN) -m pytest -q -m "not slow" -n $(AT_ONCE) --dist worksteal tests $(addprefix --ignore=,$(APART) $(ALONE))
	$(RUN) -m pytest -q -m "not slow" -n $(AT_ONCE) --dist worksteal $(APART) $(addprefix --ignore=,$(ALONE))
	$(RUN) -m pytest -q -m "not slow" $(ALONE)

test-slow: install ## the long proofs
	$(RUN) -m pytest -q -m slow --timeout 3600 -n $(AT_ONCE) --dist worksteal tests $(addprefix --ignore=,$(APART) $(ALONE))
	$(RUN) -m pytest -q -m slow --timeout 3600 $(APART) $(ALONE)

check: install ## format, lint, types, Lua, floors
	@$(MAKE) --no-print-directory -k -j 2 $(if $(filter output-sync,$(.FEATURES)),-O) $(CHECKS)

check-types:
	$(RUN) -m mypy

check-examples:
	$(RUN) -m basedpyright

check-docs docs: ## the pages as a site, in build/site; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build

check-format:
	$(RUN) -m ruff format --check .

check-lint:
	$(RUN) -m ruff check .

check-lua:
	$(RUN) -m junmai_jobs.scripts build/lua
	@if command -v luacheck >/dev/null; then luacheck -q build/lua junmai_jobs/doctor lightroom tests/lightroom; \
	elif [ -n "$$CI" ]; then echo "luacheck is missing: apt-get install lua-check" >&2; exit 1; \
	else echo "luacheck is not installed, so the Lua was not checked: apt-get install lua-check"; fi

check-floors:
	$(RUN) -m pytest -q tests/test_architecture.py

format: install ## put the code into its form
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

bench: install ## speed as ratios, beside a bare probe in the same run
	$(RUN) -m benchmarks.bench

dist: install ## wheel and sdist in dist/, each tried in an environment of its own
	$(RUN) -m tests.distribution dist

man: install ## write the manual page anew, after a command has changed
	$(RUN) -m tests.manual_page

compare: install ## ours beside every other queue, each in an environment of its own, made by pip
	$(RUN) -m benchmarks.compare

scale: install ## with 1,000,000 jobs: the drain rate, how long each verb blocks; what 2,000,000 leave behind
	$(RUN) -m benchmarks.scale
	$(RUN) -m benchmarks.blocking
	$(RUN) -m benchmarks.growth

chaos: install ## workers and Redis killed under load, then an audit
	$(RUN) -m tests.chaos.chaos

JOBS ?= 200000
chaos-long: install ## the same with JOBS jobs, which can be stopped and goes on; writes docs/chaos.md
	$(RUN) -m tests.chaos.long --jobs $(JOBS) --report docs/chaos.md

clean: ## remove what make made
	rm -rf $(VENV) .cache build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
