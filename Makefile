# Annals: `make run` starts it, `make test` proves it. Needs Rust, Python 3 with pip, a C compiler.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test torture chaos bench audit sqlx fmt lint tools model

# SQL is checked against .sqlx/ everywhere but in `lint` and `sqlx`, which ask a throw-away Postgres.
export SQLX_OFFLINE := true

# In CI the checkout is thrown away; what was compiled stays.
ifeq ($(CI),true)
ifndef CARGO_TARGET_DIR
shared := $(HOME)/.cache/annals-target
ifneq ($(shell mkdir -p '$(shared)' 2>/dev/null && test -w '$(shared)' && echo writable),)
export CARGO_TARGET_DIR := $(shared)
endif
endif
endif
target := $(or $(CARGO_TARGET_DIR),target)

# The local model is fetched only when the program is going to start it.
other_models := $(filter off,$(ANNALS_LOCAL_MODEL)) \
    $(ANTHROPIC_API_KEY) $(LLAMA_API_KEY) $(OPENAI_API_KEY) \
    $(ANTHROPIC_BASE_URL) $(LLAMA_BASE_URL) $(OPENAI_BASE_URL)

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: tools $(if $(strip $(other_models)),,model) ## Build and start everything on this machine
	cargo build --release --package annals
	@exec '$(target)/release/annals' serve

test: tools ## Check format, lints, SQL and run every test
	cargo fmt --check
	tools/check-sql
	cargo test --workspace --doc --quiet
	cargo build --package annals
	@tools/fetch tests
	@tools/fetch sdks
	@if cargo nextest --version >/dev/null 2>&1; then \
	    set -x; tools/with-postgres cargo nextest run --workspace; \
	else \
	    echo 'cargo-nextest is not installed, cargo test does it slower'; \
	    set -x; tools/with-postgres cargo test --workspace --lib --bins --tests; \
	fi

torture: tools ## Torture the log with writers, followers and kills, a minute each
	@tools/long-tests torture:: properties::

chaos: tools ## Strike the program with every fault while people work with it
	cargo build --package annals
	@tools/fetch tests
	@tools/long-tests chaos:: faults::

bench: tools ## Measure against the references (ONLY=chat runs a part)
	cargo build --release --package annals
	ANNALS_BINARY='$(abspath $(target))/release/annals' \
	    cargo run --release --package tests --bin bench -- $(ONLY)

CHECKS ?= advisories bans licenses sources
audit: ## Look for dependencies with known faults or unwanted licences (CHECKS=bans for a part)
	@cargo deny --version >/dev/null 2>&1 || { echo 'first: cargo install --locked cargo-deny'; exit 1; }
	cargo deny check $(CHECKS)

sqlx: tools ## Write .sqlx/ anew after a change of SQL or of a migration
	tools/check-sql --write

lint: tools ## Lint everything, SQL included
	tools/check-sql

fmt: ## Format the code
	cargo fmt

tools:
	@tools/fetch servers

model:
	@tools/fetch model || echo 'No local model: chat needs a provider key, see README.md'
