# The commands of the project. Each does its own set-up (packages by scripts/setup, as root) from a fresh Debian 12.
BUILD ?= build
PRESET ?= release

.PHONY: all help setup configure check test demo bench verify fix fuzz clean
all: configure  ## build build/bin/hawser and build/bin/hawser-cni (the default)
	ninja -C $(BUILD) hawser_programs

help:  ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "BUILD=DIR is the build folder (build), PRESET=NAME the preset (release; CMakePresets.json has more)."

setup:  ## install the packages that are missing (apt; says which)
	scripts/setup

configure: setup
	@test -f $(BUILD)/build.ninja || cmake --preset $(PRESET) -B $(BUILD) >/dev/null

check: configure  ## unit tests
	scripts/test unit

test: configure  ## every test; as root
	scripts/test all

demo: all  ## the main scenario, on this machine, with proofs; as root (LAB=, VARIANT=, HOLD=: docs/demo.md)
	scripts/demo

bench: configure  ## benchmarks
	scripts/bench

fuzz: setup  ## the fuzzers, 10 s each
	scripts/test fuzz

verify: configure  ## format, lint, and what else CI looks at
	scripts/verify

fix:  ## format in place
	scripts/verify --fix

clean:  ## remove the build folders
	rm -rf $(BUILD) build-*
