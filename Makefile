# Pivot. `make` alone says what can be done here.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS   += --no-print-directory

GO   ?= go
TOOL := $(GO) tool -modfile=.ci/tools/go.mod

# Staticcheck's own set, and the rules on comments and names.
CHECKS := inherit,ST1000,ST1003,ST1016,ST1020,ST1021,ST1022

DATA      ?= .demo
CARD      ?= genuine
CAN       ?=
PIN       ?=
LEVEL     ?=
AGAIN     ?=
PORT_BASE ?= 8080
FUZZTIME  ?= 20s
BENCH     ?= .
BENCHTIME ?= 1s

# Files that start goroutines or synchronise: their packages are those that the
# race detector can say something about.
define CONCURRENT
^[[:space:]]*go (func|[[:alnum:]_.]+\()|^[[:space:]]*"sync(/atomic)?"$$
endef

##@ Daily

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## "; print "usage: make [target] [NAME=value]" } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: deps-build ## Build bin/pivot-server (pure Go) and bin/pivot (with PC/SC)
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/pivot-server ./server
	CGO_ENABLED=1 $(GO) build -trimpath -o bin/pivot ./app

.PHONY: run
run: build deps-run ## Run broker, service, reader with a simulated card, and the window (CARD=, DATA=, PORT_BASE=)
	bin/pivot-server demo --data $(DATA) --card $(CARD) --port-base $(PORT_BASE)

.PHONY: demo-login
# AGAIN=1 logs in a second time, as a citizen who is known. Whoever is paired in
# DATA already goes straight to the login.
demo-login: build deps-run ## One whole login without a person; its last line is JSON (CARD=, CAN=, PIN=, LEVEL=, AGAIN=1)
	bin/pivot-server demo --login --data $(DATA) --card $(CARD) --port-base 0 \
	  $(CAN:%=--can %) $(PIN:%=--pin %) $(LEVEL:%=--level %) $(if $(AGAIN),--again)

.PHONY: card
# The demonstration tells the command which reader, test authorities and access
# number are its card's; CAN= types another number.
card: build deps-run ## Read a simulated card through the real PC/SC service and verify it (CARD=, CAN=, DATA=)
	bin/pivot-server demo --data $(DATA) --card $(CARD) -- bin/pivot card read $(CAN:%=--can %)

.PHONY: test
test: deps ## Test everything: with Go alone, then with PC/SC, then for races
	CGO_ENABLED=0 $(GO) test ./...
	CGO_ENABLED=1 $(GO) test ./...
	CGO_ENABLED=1 $(GO) test -tags pkcs11 ./server/internal/keys/...
	@echo 'for races, where goroutines live'; \
	CGO_ENABLED=1 $(GO) test -race -shuffle=on $$(grep -rlE --include='*.go' '$(CONCURRENT)' . | xargs -n1 dirname | sort -u)

.PHONY: check
check: deps-build ## Format, vet, modernity, staticcheck, house rules, module files, dead code
	@echo 'gofumpt'; out=$$($(TOOL) gofumpt -l .); test -z "$$out" || { echo "make fmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	CGO_ENABLED=0 $(GO) vet ./...
	$(GO) fix -diff ./...
	$(TOOL) staticcheck -checks $(CHECKS) ./...
	$(GO) test ./shared/archtest
	$(GO) mod tidy -diff
	$(GO) -C .ci/tools mod tidy -diff
	@echo 'deadcode, for information: what neither a program nor a test reaches'; $(TOOL) deadcode -test ./...

.PHONY: fmt
fmt: ## Format every file
	$(TOOL) gofumpt -w .

##@ Deeper

.PHONY: race
race: deps ## Test everything under the race detector, in random order
	CGO_ENABLED=1 $(GO) test -race -shuffle=on ./...

.PHONY: fuzz
fuzz: ## Fuzz every target in turn (FUZZTIME=20s)
	@grep -roE --include='*_test.go' '^func Fuzz[[:alnum:]_]+' . \
	  | sed -E 's|^(.*)/[^/]+_test\.go:func (.*)$$|\1 \2|' | sort -u \
	  | while read -r dir name; do \
	      echo "$$dir $$name"; \
	      $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null; \
	    done

.PHONY: bench
bench: ## Measure every benchmark (BENCH=., BENCHTIME=1s)
	@grep -rlE --include='*_test.go' '^func Benchmark' . | xargs -r -n1 dirname | sort -u \
	  | xargs -r $(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem -p 1

.PHONY: cover
cover: deps ## Measure what the tests cover
	$(GO) test -coverprofile=coverage.out ./...
	@$(GO) tool cover -func=coverage.out | tail -n 1

.PHONY: vuln
vuln: ## Look for known vulnerabilities (needs the Internet; not a gate)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.8.0 ./...

##@ House

.PHONY: deps deps-build deps-run
deps: ## Install what is missing (Debian as root) or say exactly what is
	@.ci/deps
deps-build:
	@.ci/deps build
deps-run:
	@.ci/deps build run

.PHONY: clean
clean: ## Remove what was built and what the demonstration wrote
	rm -rf bin .demo coverage.out
