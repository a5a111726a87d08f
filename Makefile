# make demo runs the main job, make test everything that proves it. make help lists the rest.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@2025.1.1

.PHONY: help build demo test race lint bench bench-compare cover clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

build: ## bin/mmring
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/mmring ./cmd/mmring

demo: build ## the main job: a real tree through one ring, with two kills in the middle
	bin/mmring demo

test: ## install what the tests need, then run all of them
	scripts/needs.sh
	$(GO) build ./...
	$(GO) test -count=1 -timeout 14m ./...

race: ## the same protocol on the heap, where the race detector sees it
	$(GO) test -race -count=1 -timeout 14m ./internal/... ./lock/... ./shm/... ./ring/...

lint: ## gofmt, vet for every supported system, staticcheck
	scripts/lint.sh $(STATICCHECK)

bench: ## side by side with pipes, sockets and the raw cache line: a table, and bench.jsonl
	$(GO) run ./bench -lines bench.jsonl

bench-compare: ## micro-benchmarks of HEAD against BASE=commit
	bench/compare.sh $(BASE)

cover: ## cover.out and the share of each package
	$(GO) test -coverprofile=cover.out -timeout 14m ./internal/... ./lock/... ./shm/... ./ring/...

clean: ## remove what was built
	rm -rf bin cover.out
