# The commands of the project. Each does its own set-up (packages by scripts/setup, as root) from a fresh Debian 12.
BUILD ?= build
PRESET ?= release

.PHONY: all setup configure check test test-scenario demo bench verify fix fuzz clean
all: configure
	ninja -C $(BUILD) hawser_programs

setup:
	scripts/setup

configure: setup
	@test -f $(BUILD)/build.ninja || cmake --preset $(PRESET) -B $(BUILD) >/dev/null

check: configure
	scripts/test unit

test: configure
	scripts/test all

demo: all
	scripts/demo

bench: configure
	scripts/bench

fuzz: setup
	scripts/test fuzz

verify: configure
	scripts/verify

fix:
	scripts/verify --fix

clean:
	rm -rf $(BUILD) build-*
