# The two commands of the README are `make run` and `make test`; `make check` is what CI runs.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export CARGO_TERM_COLOR ?= auto

.PHONY: help run test demo backup bench bench-beside bench-flat bench-backup check build fmt lint doc deny setup-build setup-test setup-demo setup-bench setup-deny

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Builds and starts the service on http://127.0.0.1:8000, with its embedded database
	APP_ENV=$${APP_ENV:-dev} exec target/release/taskward serve

build: setup-build ## Builds the release binary, target/release/taskward
	cargo build --locked --release --package taskward

test: setup-test ## Installs what the tests need, and runs all of them
	cd bench && python3 -m unittest --quiet test_run
	cargo test --locked --workspace --doc --quiet
	cargo nextest run --locked --workspace

demo: build setup-demo ## Digests a few thousand files of this machine, and compares with the truth
	TASKWARD=target/release/taskward scripts/demo.sh

backup: build ## Makes a backup of the configured database, while the service goes on
	target/release/taskward backup create $(BACKUP_ARGS)

bench: build setup-bench ## Measures Taskward beside its peers (about 40 minutes), and writes bench/RESULTS.md
	bench/run.py $(BENCH_ARGS)

bench-beside: build setup-bench ## Measures Taskward on both databases beside the raw limits (about 10 minutes)
	bench/beside.py $(BENCH_ARGS)

bench-flat: build setup-bench ## Measures whether a full store is as fast as an empty one (about 20 minutes)
	bench/flat.py --store postgres
	bench/flat.py --store sqlite

bench-backup: build setup-bench ## Measures backups of five million tasks while they are worked off, and the way back (about 40 minutes)
	bench/backup.py --store postgres
	bench/backup.py --store sqlite

check: fmt lint doc deny test ## Everything CI runs

fmt:
	cargo fmt --all --check

lint: setup-build
	cargo clippy --locked --workspace --all-targets -- -D warnings
	scripts/check-arrows.sh
	scripts/check-links.sh

doc: setup-build
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet

deny: setup-deny
	cargo deny --workspace --log-level error check bans licenses sources

setup-build:
	@scripts/setup.sh build

setup-test: setup-build
	@scripts/setup.sh test

setup-demo:
	@scripts/setup.sh demo

setup-bench: setup-build
	@scripts/setup.sh bench

setup-deny: setup-build
	@scripts/setup.sh deny
