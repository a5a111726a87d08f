# make demo runs the main job, make test everything that proves it. make help lists the rest.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@2025.1.1
LIBRARY = ./internal/... ./lock/... ./shm/... ./ring/...
RACED = ./internal/futex ./internal/proctest ./internal/release ./internal/view ./lock/... ./shm/... ./ring/...
# Left out of race: single steps of a child, which say nothing here; and files truncated under a running call, since the detector makes
# Go's atomics calls into C, and a fault in there is no panic but the end of the process.
UNRACED = AtAnyStore|ReallyKilled|RunsOnATruncatedFile

.PHONY: help build demo test race soak soak-wakes fuzz model lint bench bench-compare instructions cover clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

build: ## bin/mmring
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/mmring ./cmd/mmring

demo: build ## the main job: a real tree through one ring, with two kills in the middle
	bin/mmring demo

test: ## install what the tests need, then run all of them
	scripts/needs.sh test
	$(GO) build ./...
	scripts/test.sh -count=1 -timeout 14m ./...

race: ## the same protocol on the heap, where the race detector sees it
	scripts/needs.sh race
	scripts/test.sh -race -count=1 -timeout 14m -skip '$(UNRACED)' $(RACED)

soak: ## random kills for as long as FOR says (10m), or KILLS of them; SEED repeats a run
	$(GO) test ./integration_test -run RandomKills -count=1 -v -timeout 0 -for $(or $(FOR),$(if $(KILLS),0s,10m)) $(KILLS:%=-kills %) $(SEED:%=-seed %)

soak-wakes: ## two processes on one processor wake each other WAKES times (10000000), without a fence, with one, and by a Waiter
	taskset -c 0 $(GO) test ./ring -run TestNoWakeUpIsMissed -count=1 -v -timeout 0 -wakes $(or $(WAKES),10000000)
	MMRING_TEST_REFUSE='1 membarrier' taskset -c 0 $(GO) test ./ring -run TestNoWakeUpIsMissed -count=1 -v -timeout 0 -wakes $(or $(WAKES),10000000)
	taskset -c 0 $(GO) test ./ring -run TestNoWakeUpOfAWaiterIsMissed -count=1 -v -timeout 0 -wakes $(or $(WAKES),10000000)

fuzz: ## every fuzz target, each for as long as FOR says (30s)
	scripts/fuzz.sh $(or $(FOR),30s)

model: ## spin models of the protocol, and the bugs that they must find
	scripts/needs.sh model
	scripts/model.sh $(MODELS)

lint: ## gofmt, vet for every supported system, shellcheck, staticcheck
	scripts/needs.sh lint
	scripts/lint.sh $(STATICCHECK)

bench: ## side by side with pipes, sockets and the raw cache line: a table, and bench.jsonl
	$(GO) run ./bench -lines bench.jsonl

instructions: ## how many a call of the library takes, by single steps: no quiet machine is needed
	$(GO) run ./bench -instructions

bench-compare: ## micro-benchmarks of HEAD against BASE=commit
	bench/compare.sh $(BASE)

cover: ## cover.out and the share of each package
	$(GO) test -coverprofile=cover.out -timeout 14m $(LIBRARY)

clean: ## remove what was built
	rm -rf bin cover.out bench.jsonl
