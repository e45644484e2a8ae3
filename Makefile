# `make` alone lists the targets. PYTHON makes .venv: any Python 3.11 or later.
PYTHON ?= python3
RUNTIME ?= python3.12
TRANSFORM ?=
CHANGES ?= 200000
SEED ?=
PROFILE ?= classic
SCALE ?= 0.1
LABS ?= 6
TOOLS := .venv/bin/python
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup jars package demo lab test test-lab test-rest unit lint lint-code lint-terraform settings mutants prove bench soak release clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

setup: ## make the environments (.venv, .lab/venv); a second run has nothing to do
	@$(PYTHON) -m tools.setup

jars: ## fetch the search engine and DynamoDB Local too (needs Maven)
	@$(PYTHON) -m tools.setup --jars

package: setup ## build dist/searchsync.zip (RUNTIME=python3.12, TRANSFORM=your.py: docs/documents.md)
	@$(TOOLS) build.py --runtime $(RUNTIME) $(if $(TRANSFORM),--transform "$(TRANSFORM)")

demo: jars package ## show the pipeline at work on this machine (PROFILE=classic, or nextgen: docs/aws.md)
	@PYTHONPATH=lambda_src $(TOOLS) -m lab.demo --profile $(PROFILE) --scale $(SCALE)

lab: jars package ## run the lab and print its endpoints, until Ctrl-C (PROFILE=…)
	@$(TOOLS) -m lab up --profile $(PROFILE) --scale $(SCALE)

test: jars package ## all checks and tests: both halves, side by side
	@$(MAKE) --no-print-directory --keep-going -j 3 test-lab test-rest

test-lab: ## the tests in the lab, which mostly wait (LABS=6 at once), after `make jars package`
	@$(TOOLS) -m pytest -n $(LABS) --dist loadfile --no-loadscope-reorder tests/lab

test-rest: lint-code lint-terraform ## all checks, and the tests that compute, after the same
	@$(TOOLS) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/engine tests/terraform tests/unit

unit: setup ## the decisions alone, in under a minute, without Java or Terraform
	@$(TOOLS) -m pytest -q -n 2 -m "not slow" tests/unit

lint: ## all checks without tests: both halves, side by side
	@$(MAKE) --no-print-directory -j 2 lint-code lint-terraform

lint-code: setup ## formats, types, the tables in docs, the tree
	@$(TOOLS) -m ruff check --quiet .
	@$(TOOLS) -m ruff format --check --quiet .
	@$(TOOLS) -m mypy
	@$(TOOLS) -m tools.settings_table --check
	@$(TOOLS) -m tools.behaviours_table --check
	@$(TOOLS) -m tools.permissions --check
	@$(TOOLS) -m tools.clean_tree

lint-terraform: setup ## Terraform's own checks and its policies
	@$(TOOLS) -m tools.terraform_check
	@$(TOOLS) -m tools.policy_check

settings: setup ## write the tables of docs/settings.md, docs/aws.md and docs/permissions.md from what they tell of
	@$(TOOLS) -m tools.settings_table
	@$(TOOLS) -m tools.behaviours_table
	@$(TOOLS) -m tools.permissions

mutants: jars package ## break one rule after the other, and see the test that notices
	@$(TOOLS) -m tools.mutants

prove: jars ## the proofs at their larger bounds: every interleaving of the protocol, ten thousand histories, items of every shape
	@PYTHONPATH=lambda_src $(TOOLS) -m tests.support.prove_model
	@PYTHONPATH=lambda_src $(TOOLS) -m tests.support.prove_histories
	@PYTHONPATH=lambda_src $(TOOLS) -m tests.support.prove_documents

bench: jars package ## measure converter, handler, resync, package, the run and its index phase on a real engine, memory and overload
	@$(TOOLS) -m bench
	@PYTHONPATH=lambda_src $(TOOLS) -m bench.reconcile
	@PYTHONPATH=lambda_src:. $(TOOLS) -m bench.index_phase
	@PYTHONPATH=lambda_src:. $(TOOLS) -m bench.scale
	@PYTHONPATH=lambda_src:. $(TOOLS) -m bench.memory
	@$(TOOLS) -m bench.overload

soak: jars package ## very many changes with faults on, then a full comparison (CHANGES=200000 SEED=…)
	@PYTHONPATH=lambda_src $(TOOLS) -m lab.soak --changes $(CHANGES) $(if $(SEED),--seed $(SEED))

release: setup ## make a release on main, to be pushed (VERSION=1.2.3)
	@$(TOOLS) -m tools.release $(VERSION)

clean: ## remove what make made: environments, jars, package, caches
	@rm -rf .venv .lab dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
