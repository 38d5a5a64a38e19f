# Everything CI does is one of these; «make» alone builds the binary.

SHELL := /bin/bash

GO ?= go

# TESTFLAGS go to go test, COUNTFLAGS to internal/testcount (-strict: skips fail).
TESTFLAGS ?=
COUNTFLAGS ?=

# GOLANGCI is fetched by go run and contains staticcheck; only «make check» needs it.
GOLANGCI ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# VERSION is that of make binary, DISTFLAGS go to goreleaser.
VERSION ?=
DISTFLAGS ?= --skip=docker,homebrew

.DEFAULT_GOAL := engine
# CONFORMANCE is a folder of suites that others wrote; it is not part of the repository.
CONFORMANCE ?= ../shared/conformance
TARGETS ?= duckdb,postgres

# PEER is the module of the BigQuery emulator that tests talk to; see its README.
PEER := internal/testpeer/bq

.PHONY: binary dist engine test check lint golden bench bench-scale bench-catalog bench-peers screenshots recording conformance conformance-docs clean tools web

engine: ## build bin/engine
	$(GO) build -o bin/engine ./cmd/engine

test: tools ## run all tests and count them
	@set -o pipefail; { $(GO) test -json -timeout 30m $(TESTFLAGS) ./...; code=$$?; \
	cd $(PEER) && $(GO) test -json -timeout 30m $(TESTFLAGS) ./... && exit $$code; } | $(GO) run ./internal/testcount $(COUNTFLAGS)

check: lint ## more than CI: linters that are downloaded, all tests under the race detector
	$(GO) run $(GOLANGCI) run
	@set -o pipefail; $(GO) test -race -json -timeout 45m $(TESTFLAGS) ./... | $(GO) run ./internal/testcount $(COUNTFLAGS)

lint: tools ## formatting and vet, without a download
	@files=$$(gofmt -l *.go bench catalog cmd engine internal lineage) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted (run gofmt -w):"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	cd $(PEER) && $(GO) vet ./...

golden: ## rewrite golden files; the run fails where it rewrote something, look at the difference
	ENGINE_UPDATE=1 $(GO) test ./... || true
	git diff --stat

# BENCHFLAGS go to what make bench runs, and to bench-scale and bench-peers, as -runs 9.
BENCHFLAGS ?=

bench: ## a line for each budget: what was measured, whether it holds; needs Chromium, 8 GB, half an hour
	$(GO) run ./bench/cmd/report $(BENCHFLAGS)

bench-scale: ## what a model costs in projects of 1,000 to 50,000
	$(GO) run ./bench/cmd/report -only scale $(BENCHFLAGS)

bench-peers: ## the engine beside dbt, SQLMesh and Dataform on one graph, into docs/benchmarks.md; installs them from the registries
	$(GO) run ./bench/peers -docs docs/benchmarks.md $(BENCHFLAGS)

bench-catalog: ## budgets of the catalog's site: making it, sizes, first paint, search, explorer; needs Chromium
	$(GO) run ./bench/catalog -models 10000 -runs 3

conformance: ## run the suites of CONFORMANCE on TARGETS and compare with the counts that are kept
	@$(GO) run ./internal/conformance/cmd/conformance -dir $(CONFORMANCE) -targets $(TARGETS) -baseline internal/conformance/testdata/baseline.json

conformance-docs: ## the same, and write docs/conformance.md and the counts that are kept
	@$(GO) run ./internal/conformance/cmd/conformance -dir $(CONFORMANCE) -targets $(TARGETS) -docs docs/conformance.md -baseline internal/conformance/testdata/baseline.json -update

screenshots: engine ## take the README's pictures of the catalog anew, from this project; needs Chromium
	bin/engine build
	bin/engine docs generate --profile --materials
	$(GO) run ./internal/pictures target/catalog docs/images

recording: engine ## make the README's picture of a terminal anew: real commands on this project
	$(GO) run ./internal/recording bin/engine docs/images/build.svg

web: ## bundle the catalog's scripts and style sheet; their types are checked where there is npx
	$(GO) generate ./catalog/web
	@if command -v npx >/dev/null; then npx -y -p typescript@5 tsc -p catalog/web; else echo "npx is MISSING: types are not checked"; fi

binary: tools ## the binary of a release for this machine, in bin/release; VERSION=v1.2.3
	VERSION=$(VERSION) .ci/binary

dist: ## pack what make binary has built: archive, packages, checksums, bill of materials, in dist
	.ci/dist --snapshot $(DISTFLAGS)

clean:
	rm -rf bin target dist

# tools says loudly what this machine lacks. Everything else comes with the modules.
tools:
	@command -v $(GO) >/dev/null || { echo "go is MISSING: install Go 1.26 or newer (https://go.dev/dl)"; exit 1; }
	@command -v gcc >/dev/null || { echo "gcc is MISSING: DuckDB is linked in (apt-get install gcc g++)"; exit 1; }
	@command -v g++ >/dev/null || { echo "g++ is MISSING: DuckDB needs the C++ library that comes with it (apt-get install g++)"; exit 1; }
