# One line a target: what it does is in scripts/, each of which installs what it
# needs. `make` alone lists the targets.

# Variables, from the environment or the command line.
PORT ?= 10000
ADMIN_PORT ?= 9901
UPSTREAM_PORT ?= 9100
ENVOY ?=
POLICY ?=
export PORT ADMIN_PORT UPSTREAM_PORT ENVOY POLICY

# Stdout is for answers, as in `$(make envoy-path)`: no commands, no directories.
MAKEFLAGS += --no-print-directory
.SILENT:
.NOTPARALLEL:
.PHONY: help setup build native cli playground envoy-path demo run validate test test-all fuzz conformance deny image release sanitize soak compose-test bench interop clean

help: ## list the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	echo
	echo "  ENVOY=/path/to/envoy  use this Envoy instead of installing one"
	echo "  POLICY=my.json        run or validate this policy in the place of the shipped one"
	echo "  PORT=$(PORT) ADMIN_PORT=$(ADMIN_PORT) UPSTREAM_PORT=$(UPSTREAM_PORT)  where demo and run listen"

setup: ## install what build, demo and run need (they do it by themselves)
	scripts/setup

build: ## compile the module to target/mcp_policy_filter.wasm
	scripts/build

native: ## compile the native module to target/libmcp_policy_filter.so
	scripts/native

cli: ## compile the command to target/mcp-policy
	scripts/cli

playground: ## a page that decides as you type, in one file: target/playground/index.html
	scripts/playground

envoy-path: ## print the path of the Envoy in use
	scripts/envoy-path

demo: ## show the filter at work: an MCP server behind Envoy, and calls to it
	scripts/demo demo

run: ## the same server and Envoy, kept running to be called by hand
	scripts/demo run

validate: ## whether Envoy takes envoy/envoy.yaml, and the filter its policy or POLICY
	scripts/validate

test: ## formatting, lints and all tests, natively, in Envoy and as WebAssembly
	scripts/test

test-all: ## make test, both forms under load and with real clients, all machines, sanitizers (hours)
	scripts/test-all

compose-test: ## server, Envoy and client in containers, by envoy/docker-compose.yaml
	scripts/compose-test

conformance: ## the official MCP conformance suite, with and without the filter
	scripts/conformance

interop: ## the clients and servers that people use, with the filter between them
	scripts/interop

fuzz: ## fuzz for FUZZ_SECONDS (600) a target, and keep what is found in fuzz/corpus
	scripts/fuzz long

deny: ## licences, sources and advisories of all crates, by cargo-deny
	scripts/deny

image: ## the module as an image, in target/image, without Docker
	scripts/image

release: ## what is published, in target/release-files, compiled twice and compared
	scripts/release

sanitize: ## the native module under AddressSanitizer and Miri (half an hour)
	scripts/sanitize

soak: ## load with pushes and hostile clients for SOAK_MINUTES (5); what held in target/soak
	scripts/soak

bench: ## what a call costs in Envoy, beside other ways to put policy on it (20 minutes, alone)
	scripts/bench

clean: ## remove target/, and with it everything that was installed there
	rm -rf target
