# Six verbs and no more. What each does in detail is in scripts/.

# The build is kept outside the checkout, so that a fresh clone on the same machine builds warm.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mask/target

# What `make run` builds; scripts/run.sh, which tries it out, takes what the tests have built.
RUN_PROFILE := release
BUILT = $(CARGO_TARGET_DIR)/$(if $(filter dev,$(RUN_PROFILE)),debug,$(RUN_PROFILE))/mask
# The folder that ARGS names; without one it is where the settings say.
DATA := $(shell printf '%s' "$(ARGS)" | sed -n 's/.*--data-dir[= ]\([^ ]*\).*/\1/p')

.PHONY: help run test ci fmt gen bench

help:
	@echo "make run    build Mask and start it on http://localhost:8080, data in ./data (ARGS='--listen …' for mask serve)"
	@echo "make test   install what the tests need (as root; else say what is missing) and run everything, as CI does"
	@echo "make ci     the same as make test"
	@echo "make fmt    format the code"
	@echo "make gen    write the files that are made from the program: openapi.json, docs/errors.md, docs/roles.md"
	@echo "make bench  measure; raw numbers go to bench/runs/"

run:
	cargo build --profile $(RUN_PROFILE) -p mask
	@[ -e "$(or $(DATA),data)/places.mmdb" ] || scripts/places.sh "$(BUILT)" $(if $(DATA),--data-dir "$(DATA)")
	@exec "$(BUILT)" serve $(ARGS)

test:
	@scripts/test.sh

ci: test

fmt:
	cargo fmt --all

# By way of the build folder: a program that fails must not leave an empty document behind.
gen:
	cargo build -p mask
	@set -e; mask="$(CARGO_TARGET_DIR)/debug/mask"; new="$(CARGO_TARGET_DIR)/generated"; \
	"$$mask" openapi > "$$new"; cp "$$new" openapi.json; echo openapi.json; \
	"$$mask" gen errors > "$$new"; cp "$$new" docs/errors.md; echo docs/errors.md; \
	"$$mask" gen roles > "$$new"; cp "$$new" docs/roles.md; echo docs/roles.md

bench:
	@bench/run.sh
