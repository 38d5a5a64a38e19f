# Everything CI does is one of these; «make» alone builds the binary.

GO ?= go

TESTFLAGS ?=

.DEFAULT_GOAL := engine
.PHONY: engine test check lint golden bench clean tools

engine: ## build bin/engine
	$(GO) build -trimpath -o bin/engine ./cmd/engine

test: tools ## run all tests and count them
	@set -o pipefail; $(GO) test -json -timeout 30m $(TESTFLAGS) ./... | $(GO) run ./internal/testcount

check: lint ## what a commit must pass: formatting, vet, linters, tests under the race detector
	@set -o pipefail; $(GO) test -race -json -timeout 45m $(TESTFLAGS) ./... | $(GO) run ./internal/testcount

lint:
	@files=$$(gofmt -l bench catalog cmd engine internal lineage *.go); \
	if [ -n "$$files" ]; then echo "not formatted (run gofmt -w):"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	@if command -v golangci-lint >/dev/null; then golangci-lint run; else echo "golangci-lint is not installed: its linters were NOT run"; fi

golden: ## rewrite golden files; the run fails where it rewrote something, look at the difference
	ENGINE_UPDATE=1 $(GO) test ./... || true
	git diff --stat

bench: ## budgets: load at 100, 1,000 and 10,000 models; overhead over the bare driver
	$(GO) run ./bench/cmd/report

clean:
	rm -rf bin target dist

# tools says loudly what a part of the tests needs and this machine lacks.
tools:
	@command -v gcc >/dev/null || { echo "gcc is MISSING: DuckDB links C++ (apt-get install gcc g++)"; exit 1; }
	@command -v g++ >/dev/null || { echo "g++ is MISSING: DuckDB links C++ (apt-get install g++)"; exit 1; }
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| echo "chromium is MISSING: tests of the catalog in a browser will be SKIPPED (apt-get install chromium)"

SHELL := /bin/bash
