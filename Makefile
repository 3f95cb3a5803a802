# `make help` lists the targets; each works on a fresh clone.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
CARGO_DENY_VERSION := 0.20.2

.DEFAULT_GOAL := help
.PHONY: help setup build demo test fmt lint unit suite kafka simulation soak bench deny image docs dashboards vendor pictures clean

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

demo: ## the main job, with nothing to install: an embedded broker, generated events, live KPIs on a page
	$(CARGO) run --release --locked -- demo

test: setup lint ## all there is to check: format, lints, unit, documentation and integration tests against real parts
	$(CARGO) test --locked

setup: ## installs what the tests need and is missing: Debian packages, a Kafka, a schema registry
	tests/setup/install.sh

build: ## the release binary, target/release/tributary
	$(CARGO) build --release --locked

dashboards: ## writes deploy/grafana/dashboards and deploy/prometheus/rules anew, from the catalogue
	$(CARGO) run --locked -- catalogue --output grafana --directory deploy/grafana/dashboards
	$(CARGO) run --locked -- catalogue --output prometheus --directory deploy/prometheus/rules

fmt: ## formats the sources
	$(CARGO) fmt

lint: ## format, clippy and the links in the documentation; warnings denied
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items --lib

unit: ## the fast tests: no broker, no network
	$(CARGO) test --locked --lib --bins

suite: setup ## the integration tests; ARGS=name runs some of them
	$(CARGO) test --locked --test suite -- $(ARGS)

docs: ## writes the generated pages: docs/kpis.md, docs/configuration.md
	UPDATE_EXPECT=1 $(CARGO) test --locked --test suite docs::generated

kafka: setup ## the integration tests that start a real Kafka broker
	$(CARGO) test --locked --test suite broker

simulation: ## the seeded simulation; SEEDS=n runs so many, SEED=n only that one and says what happened
	$(if $(SEEDS),SIMULATION_SEEDS=$(SEEDS)) $(if $(SEED),SIMULATION_SEED=$(SEED)) \
	  $(CARGO) test --locked --test suite simulation::whatever -- --nocapture

soak: setup ## a paused instance; a million events by the definitions, and through two of which ten die; SOAK_EVENTS=n
	$(CARGO) test --release --locked --test suite kafka_line -- --ignored --nocapture --test-threads 1

bench: ## the benchmarks; ARGS=name runs some of them
	$(CARGO) bench --locked -- $(ARGS)

deny: ## vulnerabilities and licences of all dependencies (builds cargo-deny once, some minutes; asks the network)
	$(CARGO) deny --version 2>/dev/null | grep -qF "$(CARGO_DENY_VERSION)" || \
	  $(CARGO) install --locked cargo-deny@$(CARGO_DENY_VERSION)
	$(CARGO) deny check

image: ## what `docker build` makes, built and run without Docker (Debian, as root; ten minutes)
	tests/image.sh

vendor: ## bundles the libraries of the page anew, from the pinned npm versions in src/publish/vendor (asks the network)
	src/publish/vendor/vendor.sh

pictures: setup ## takes the pictures in docs/pictures, of the demo in a headless browser
	$(CARGO) test --locked --test suite -- --ignored pictures_for_the_docs

clean: ## removes what was built and installed here
	rm -rf target .tools
