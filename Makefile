# The tasks of the repository; `make` lists them. Libraries are named in
# tools/versions.txt, modules in go.work, and nowhere else.
#
#   MODULE="line aio"   narrows a task to some modules
#   TESTFLAGS="-v"      goes to `go test` in test and race
#   QUICK=1             makes bench answer in under a minute a module, less exactly
# bench without either keeps its samples, charts and BENCHMARKS.md in tools/bench.

# Where the modules are hosted; `make rehost PREFIX=host/owner/repo` moves them.
PREFIX = example.com/interlock

GO       ?= go
FUZZTIME ?= 10s
VERSION  ?=

comma := ,
space := $(subst ,, )

LIBS    := $(shell sed -e 's/\#.*//' -e 's/[[:space:]].*//' -e '/^$$/d' tools/versions.txt)
MODULES := $(shell sed -n 's|^[[:space:]]*\./\([^[:space:]]*\).*|\1|p' go.work)

ifdef MODULE
unknown := $(filter-out $(MODULES),$(MODULE))
ifneq ($(unknown),)
$(error unknown module $(unknown); go.work has $(MODULES))
endif
LIBS    := $(filter $(MODULE),$(LIBS))
MODULES := $(filter $(MODULE),$(MODULES))
endif

# Tasks for libraries, given MODULE=tools, must not quietly take all of them.
needlib  = $(if $(LIBS),,$(error no library among $(MODULE)))

PACKAGES = $(patsubst %,./%/...,$(MODULES))
BIN      = dist/bin

# One GOARCH for each system that the kernel back ends know, and the odd ones
# out: 32-bit kevents, arm64, and Windows and js, where aio is a stub.
PLATFORMS = darwin/amd64 darwin/arm64 freebsd/amd64 freebsd/386 freebsd/arm netbsd/amd64 netbsd/arm64 \
	openbsd/amd64 openbsd/arm dragonfly/amd64 windows/amd64 js/wasm linux/arm64

# What each step of ci needs to exist.
MODELS := $(patsubst %/testdata/model,%,$(wildcard $(addsuffix /testdata/model,$(LIBS))))
SCENARIOS = $(wildcard $(addsuffix /testdata/model/*.go.txt,$(LIBS)))
FAULTS := $(patsubst %/testdata/bugs,%,$(wildcard $(addsuffix /testdata/bugs,$(LIBS))))
has     = $(wildcard tools/cmd/$(1)/main.go)
ABSENT := $(if $(call has,modeltest),,model) $(if $(call has,bugs),,bugs) $(if $(call has,demo),,demo)
CI      = $(filter-out $(ABSENT),lint test test-alone race kqueue model bugs vet-cross demo)

.PHONY: help test test-alone race kqueue model bugs vet-cross cross fuzz bench pack api sum release rehost lint demo ci FORCE

help: ## List the tasks
	@awk -v absent=" $(ABSENT) " -F ':.*## ' '/^[a-z-]+:.*## / && !index(absent, " " $$1 " ") { printf "  %-12s %s\n", $$1, $$2 }' Makefile

test: $(BIN)/testall ## The whole suite of every module
	@$(BIN)/testall $(MODULES) -- $(TESTFLAGS)

race: $(BIN)/testall ## The suite under the race detector
	@$(BIN)/testall $(MODULES) -- -race $(TESTFLAGS)

kqueue: ## aio and what dials over it on the kqueue poller, which linux gets a stand-in for
	$(GO) test -tags aiokqueue $(TESTFLAGS) ./aio ./onceconn/dial

test-alone: $(BIN)/release ## Each library from its own zip, outside the workspace, and as a stranger gets it
	@$(needlib)$(BIN)/release check $(LIBS)

model: $(BIN)/modeltest ## Scenario model tests: every interleaving, in the plain and the -race build
	@n=0; fail=0; for m in $(MODELS); do for race in "" -race; do \
		echo "model: $$m $$race"; n=$$((n + 1)); $(BIN)/modeltest $$race ./$$m || fail=$$((fail + 1)); \
	done; done; echo "model: $$((n - fail)) of $$n runs ok"; [ $$fail = 0 ]

bugs: $(BIN)/bugs ## Seeded faults: each must make its test fail
	@n=0; fail=0; for m in $(FAULTS); do \
		echo "bugs: $$m"; n=$$((n + 1)); $(BIN)/bugs ./$$m || fail=$$((fail + 1)); \
	done; echo "bugs: $$((n - fail)) of $$n modules ok"; [ $$fail = 0 ]

vet-cross: ## go vet of the libraries for every supported platform
	@fail=0; for p in $(PLATFORMS); do \
		if CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet $(patsubst %,./%/...,$(LIBS)); \
		then echo "vet-cross: $$p ok"; else echo "vet-cross: $$p FAILED"; fail=1; fi; \
	done; exit $$fail

cross: ## Test binaries of the libraries for GOOS/GOARCH, in dist/cross; .ci/cross-run runs them there
	@out=dist/cross/$$($(GO) env GOOS)-$$($(GO) env GOARCH); rm -rf $$out; \
	for p in $$($(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' $(patsubst %,./%/...,$(LIBS))); do \
		p=$${p#$(CURDIR)/}; \
		CGO_ENABLED=0 $(GO) test -c -o $$out/$$p/run.test ./$$p || exit 1; \
	done; echo "cross: $$out"

fuzz: ## Every fuzz target for FUZZTIME (10s)
	@n=0; fail=0; for p in $$($(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' $(PACKAGES)); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | sed -n '/^Fuzz/p'); do \
			echo "fuzz: $${p#$(CURDIR)/} $$f"; n=$$((n + 1)); \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p || fail=$$((fail + 1)); \
		done; \
	done; echo "fuzz: $$((n - fail)) of $$n targets ok"; [ $$fail = 0 ]

bench: $(BIN)/bench ## Side by side with what a user would pick instead
	@$(BIN)/bench -module "$(if $(MODULE),$(subst $(space),$(comma),$(strip $(LIBS))))" $(if $(QUICK),-quick) $(if $(QUICK)$(MODULE),,-write)

# What one system leaves unused (U1000) another needs.
lint: $(BIN)/release ## gofmt, go vet, staticcheck, and the rules for go.mod and go.work
	@$(BIN)/release mods
	@gofmt=$$($(GO) env GOROOT)/bin/gofmt; \
	bad=$$($$gofmt -l $(MODULES); for f in $(SCENARIOS); do $$gofmt -l <$$f | sed "s|<.*|$$f|"; done); \
	[ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }
	@$(GO) vet $(PACKAGES)
	@$(GO) build -o $(BIN)/ honnef.co/go/tools/cmd/staticcheck
	@$(BIN)/staticcheck $(PACKAGES)
	@for os in freebsd windows; do \
		CGO_ENABLED=0 GOOS=$$os $(BIN)/staticcheck -checks inherit,-U1000 $(patsubst %,./%/...,$(LIBS)) || exit 1; \
	done
	@echo "lint: ok"

demo: $(BIN)/demo ## The main job: 10,000 callers, 100 keys, faults on
	@$(BIN)/demo

pack: $(BIN)/release ## A GOPROXY directory of the libraries, in dist/proxy
	@$(BIN)/release pack

api: $(BIN)/release ## Exported API against the last tag, and the version that is due
	@$(needlib)$(BIN)/release api $(LIBS)

sum: $(BIN)/release ## Rewrite the go.sum lines of unpublished siblings
	@$(BIN)/release sum -w

release: $(BIN)/release ## Check one library and tag it: MODULE=line [VERSION=v0.1.0]
	@$(BIN)/release tag $(MODULE) $(VERSION)

rehost: $(BIN)/release ## Move every module to another prefix: PREFIX=host/owner/repo
	@$(BIN)/release rehost $(PREFIX)

# Every step runs, so that one log shows all that is wrong.
ci: ## What .ci/run calls: every check, with its time
	@fail=0; table=; for s in $(CI); do \
		echo; echo "==> make $$s"; t=$$(date +%s); \
		if $(MAKE) --no-print-directory $$s; then r=ok; else r=FAILED; fail=1; fi; \
		t=$$(($$(date +%s) - t)); echo "<== make $$s: $$r in $${t}s"; \
		table="$$table$$(printf '  %-12s %-6s %5ss' $$s $$r $$t)\n"; \
	done; echo; echo "ci:"; printf "$$table"; exit $$fail

$(BIN)/bench: FORCE
	@$(GO) build -o $(BIN)/ ./tools/bench/cmd/bench

$(BIN)/%: FORCE
	@$(GO) build -o $(BIN)/ ./tools/cmd/$*
