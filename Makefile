# Needs Go only; the race detector needs gcc too, the integration tests Java 17 and Maven. Tools are pinned in tools/go.mod and built on first use.

TAGS     := synctests
LINT     := go tool -modfile=tools/go.mod golangci-lint
FUZZTIME ?= 10s
SEED     ?= 1
SEEDS    ?= 20
MONTHS   ?= 100

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Compile everything
	go build ./...

.PHONY: test
test: ## Run all tests
	go test -shuffle=on -tags $(TAGS) ./...

.PHONY: test-race
test-race: ## Run all tests under the race detector
	CGO_ENABLED=1 go test -race -shuffle=on -tags $(TAGS) ./...

.PHONY: vet
vet: ## Run go vet
	go vet -tags $(TAGS) ./...

.PHONY: fmt
fmt: ## Format the code
	$(LINT) fmt

.PHONY: fmt-check
fmt-check: ## Fail if the code is not formatted
	$(LINT) fmt --diff

.PHONY: lint
lint: ## Run the linters (the first time builds them: minutes)
	$(LINT) run

.PHONY: golden
golden: ## Write the golden files and generated pages anew
	go test -tags $(TAGS) ./internal/settings -update

.PHONY: oracles
oracles: ## Compute the reference values of metrics again with scikit-learn and fairlearn (needs Python 3.11; a minute)
	tools/oracle/check.sh internal/stat/testdata/oracle

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@set -e; grep -rlE '^func Fuzz[A-Za-z0-9_]+\(f \*testing\.F\)' --include='*_test.go' cmd internal | sort | while read -r file; do \
	  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$$file" | sed 's/^func //' | while read -r name; do \
	    echo "== ./$$(dirname "$$file") $$name"; \
	    go test -tags $(TAGS) -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null; \
	  done; \
	done

.PHONY: up
up: ## Start Kafka, schema registry and Redis to try things with
	@tools/parts/all.sh start

.PHONY: down
down: ## Stop them and remove their data
	@tools/parts/all.sh reset

.PHONY: integration
integration: ## Test the services as processes on real Kafka, registry and Redis (2 to 4 min)
	go test -tags '$(TAGS) integration' -count=1 -timeout 20m -v ./integration/...

.PHONY: deploy-test
deploy-test: ## Hold deploy/ against the programs it runs (no container engine needed)
	cd deploy && go test -count=1 ./...

.PHONY: chaos
chaos: ## The long proof: SEEDS=20 storms from SEED=1 on, on three brokers, counted again in Python (2 min each)
	go run ./chaos --seed $(SEED) --seeds $(SEEDS)

.PHONY: simulate
simulate: ## Measure false alarms and delays of the engine and of other tools' rules (MONTHS=100 per process: an hour or so on two cores)
	go run ./benchmarks simulate --months $(MONTHS)

.PHONY: demo
demo: ## See it work: a real drift, in a few seconds
	go run ./cmd/plumbline demo

.PHONY: bench
bench: ## Measure decoder, sketches and counts; fails if a limit is missed, writes benchmarks/results.json (2 min)
	@code=0; for verb in decode sketch set; do \
	  echo "== $$verb"; \
	  go run ./benchmarks $$verb || code=1; \
	done; exit $$code

.PHONY: sizing
sizing: ## Weigh what a model takes in memory and on topics; fails if a limit is missed (20 min, 6 GB of memory)
	go run ./benchmarks sizing

.PHONY: bench-kafka
bench-kafka: ## Measure the ingestor against a bare poll, on a Kafka of its own (needs Java 17 and Maven), as bench does
	go run ./benchmarks poll --kafka --events 2000000

.PHONY: ci
ci: ## All that a change must pass
	.ci/run
