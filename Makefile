# What a person or a pipeline types here. Everything that needs hosts starts its own (tests/fleet) and
# ends them again, also after a failure or Ctrl-C.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

CARGO ?= cargo
FUZZ_SECONDS ?= 60
FLEET := tests/fleet/fleet
SCRIPTS := .ci/run tests/demo/run tests/fixture/build.sh $(FLEET) $(wildcard tests/fleet/lib/*.sh src/machine/*.sh)

# Test targets, found the way cargo finds them. `fleet` is the one that needs daemons.
TARGETS := $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs)) $(patsubst tests/%.rs,%,$(wildcard tests/*.rs))
OFFLINE := $(filter-out fleet,$(TARGETS))

# Of the fleet tests: those whose names hold one of these, and the others.
FIRST_HALF := bad_release balanced console delivery endpoint engines fingerprint first_deploy haproxy health:: host_key host_loss memory told

.PHONY: help build demo demo-down test bench load pages fuzz lint fixture install clean packages

help: ## this list
	@printf 'usage: make TARGET\n\n'
	sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' Makefile | expand -t 14

demo: packages fixture ## three real Docker hosts: deploy, update under load, a bad release rolled back (KEEP=1: leave it up)
	@exec tests/demo/run

demo-down: ## end a demo that was left up
	@exec tests/demo/run --down

test: packages fixture ## every test: first those that need no daemon, then those on a fleet of real Docker hosts
	@step() { printf '\nmake test: %s\n' "$$*"; }
	# The fleet tests end their fleets by themselves, whatever becomes of them. This is for the case that even that fails:
	# whoever holds a lock has a fleet of their own or is about to end ours.
	reached=false other='' log=$$(mktemp) own=$$(mktemp)
	clean_up() {
		local status=$$? name lock
		trap '' HUP INT TERM
		if [[ -n $$other ]]; then kill "$$other" 2>/dev/null && wait "$$other" || :; fi
		rm -f "$$log" "$$own"
		for name in t1 t2 t3; do
			lock=/tmp/shipctl-fleet-$$name.lock
			if $$reached && [[ -e $$lock ]] && exec 9<"$$lock" && flock -w 90 9 && [[ -e $${lock%.lock} ]]; then
				$(FLEET) down --name "$$name" 9<&- || status=1
			fi
		done
		exit "$$status"
	}
	trap clean_up EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	step 'tests that need no daemon'
	$(CARGO) test --locked --lib --bins $(addprefix --test ,$(OFFLINE))
	$(CARGO) test --locked --doc
	step 'the fixture program'
	CARGO_TARGET_DIR=target/fixture/cargo $(CARGO) test --locked --manifest-path tests/fixture/Cargo.toml
	step 'fleet tests: real Docker hosts, in two halves with a fleet each, each one test at a time'
	reached=true
	half=($(FIRST_HALF))
	$(CARGO) test --locked --test fleet --no-run
	$(CARGO) test --locked --test fleet -- --test-threads=1 "$${half[@]/#/--skip=}" >"$$log" 2>&1 &
	other=$$!
	status=0
	$(CARGO) test --locked --test fleet -- --test-threads=1 "$${half[@]}" 2>&1 | tee "$$own" || status=1
	wait "$$other" || status=1
	other=''
	step 'the other half'
	cat "$$log"
	# Two fleets share the machine: few that failed beside each other get one more try, with nothing beside them.
	mapfile -t failed < <(sed -nE 's/^test ([a-z0-9_:]+) \.\.\. FAILED$$/\1/p' "$$own" "$$log")
	ended=$$(cat "$$own" "$$log" | grep -c '^test result: ' || :)
	if ((status && ended == 2 && $${#failed[@]} >= 1 && $${#failed[@]} <= 3)); then
		step "once more, alone: $${failed[*]}"
		if $(CARGO) test --locked --test fleet -- --exact --test-threads=1 "$${failed[@]}"; then
			status=0
			step "passed alone, and are to be mended all the same: $${failed[*]}"
		fi
	fi
	exit "$$status"

bench: packages fixture ## a rolling deploy against the raw Docker API, as a table (BENCH_HOSTS=10 for ten hosts)
	@trap '$(FLEET) down --name bench' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	$(CARGO) bench --locked --bench rollout

load: packages fixture ## what clients see of 20 deploys under load, and of 20 behind the edge of one host (LOAD_DEPLOYS, LOAD_REQUESTS, LOAD_RATE, LOAD_MAX_FAILURES)
	@$(CARGO) test --locked --test fleet -- --ignored --nocapture --test-threads=1 load::long_run

pages: toolchain ## the page of a rollout in a browser without a screen; installs chromium where there is none
	@found=false
	for name in chromium chromium-browser google-chrome chrome; do
		if command -v "$$name" >/dev/null; then found=true; fi
	done
	if ! $$found; then
		printf 'make: installing chromium\n'
		sudo=; if ((EUID)); then sudo=sudo; fi
		$$sudo apt-get update -qq
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
	fi
	$(CARGO) test --locked --test it -- --ignored pages::

fuzz: ## libFuzzer on each target for FUZZ_SECONDS (60); needs cargo-fuzz and a nightly toolchain
	@for target in manifest host image template; do
		printf '\nmake fuzz: %s\n' "$$target"
		found=fuzz/target/found/$$target
		mkdir -p "$$found"
		$(CARGO) +nightly fuzz run "$$target" "$$found" "fuzz/corpus/$$target" -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=20 -rss_limit_mb=4096
	done

lint: ## formatting, clippy, shellcheck
	@set -x
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); fi

build: toolchain ## the program, optimised: target/release/shipctl
	@$(CARGO) build --locked --release

install: toolchain ## the program into ~/.cargo/bin, and its manual pages where man looks for them then
	@$(CARGO) install --locked --path .
	home=$${CARGO_INSTALL_ROOT:-$${CARGO_HOME:-$$HOME/.cargo}}
	"$$home/bin/shipctl" man "$$home/share/man/man1"

fixture: toolchain ## the application that tests and demo deploy, and the meter
	@printf 'make: building the fixture programs\n'
	tests/fixture/build.sh

clean: ## remove everything that was built
	@$(CARGO) clean

# What is missing is installed, and nothing else is.
packages: toolchain
	@$(FLEET) packages

.PHONY: toolchain
toolchain:
	@command -v $(CARGO) >/dev/null || { printf 'make: no Rust toolchain (%s is not in PATH)\n' '$(CARGO)' >&2; exit 1; }
	if ! command -v cc >/dev/null; then
		printf 'make: installing a C compiler, which Rust links with\n'
		sudo=; if ((EUID)); then sudo=sudo; fi
		$$sudo apt-get update -qq
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
	fi
