# Each target is one line of a script. The first run of `up` or `test` installs and builds what is missing.
.DEFAULT_GOAL := help
.PHONY: help up down env status test e2e bench lint fuzz foretell rules verdicts docs lock clean

help:    ## list the targets
	@grep -hE '^[a-z0-9]+: +.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z0-9]+): *## */  make \1\t/' | expand -t 16

up:      ## start three local clusters and a hub, and put a Flink fleet on them with pulumi up
	@scripts/up

down:    ## stop everything that `make up` started and forget its state
	@scripts/down

env:     ## print the exports that a shell needs to talk to what `make up` started
	@scripts/env

status:  ## show what is running
	@scripts/status

test:    ## lint, check types and layers, and run every test
	@scripts/test

e2e:     ## run real Flink on two local clusters whose pods run (root, Linux; twenty minutes)
	@scripts/e2e

bench:   ## measure the hub beside a kube-apiserver and with many applications and clusters (an hour; BENCH=full: two)
	@scripts/bench

lint:    ## ruff, mypy, import-linter, gofmt, and whether docs/ is what the code says
	@scripts/lint

fuzz:    ## send a hub 20,000 calls that Schemathesis makes up from its OpenAPI document
	@scripts/fuzz

foretell: ## compare what previews say with what up meets, in 300 random programs (FORETELL_CASES, FORETELL_SEED)
	@scripts/foretell

rules:   ## print every rule, what decides it, and its tests; fail on a rule without test or reason
	@scripts/rules

verdicts: ## run the tests of every rule, and print one verdict a rule
	@scripts/rules --run

docs:    ## write what is generated of docs/, and the plugin's schema, from the code
	@scripts/docs

lock:    ## resolve the Python dependencies anew and write requirements.lock
	@scripts/lock

clean:   ## stop everything and delete what was built and installed
	@scripts/clean
