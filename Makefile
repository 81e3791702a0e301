# killbox: make, make demo, make check. See CONTRIBUTING.md.

GO      ?= go
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DESTDIR ?=

# The names that install links to the binary; test/repo holds them to the applets.
APPLETS = docker-init freezekill kill killall killall5 killwait pgkill pgrep pidof pidwait pkill reapwait timeout tini tkill waitpid

# The Debian packages that check and check-all use, besides Go and git.
CHECK_DEPS = bash bsdutils busybox-static ca-certificates dash gcc jq libc6-dev make mandoc openssh-client openssh-server \
	procps psmisc shellcheck strace sysvinit-utils tini tmux util-linux

# One script for each applet, and those of the harness; test/repo holds them to the applets.
QUICK = harness_chroot examples_tini freezekill_basic kill_basic killall_names killall5_basic killwait_basic pgkill_basic \
	pgrep_select pidof_find pidwait_timeout pkill_identity reapwait_status timeout_basic tkill_chain waitpid_basic

# How much check-all fuzzes each target, and how long fuzz does. By number: at the end of a time, go test now and then fails with
# "context deadline exceeded", though nothing was found.
CHECK_FUZZTIME ?= 20000x
FUZZTIME       ?= 1m

# The tag lets killbox read and set what the Go runtime keeps to itself: the signals that the caller ignores, the limit of
# open files, what the runtime does with a trapped system call and with a queued fault. The linker has to allow that. Without
# both killbox builds as well (see internal/kernel/inherited_plain.go for what is lost).
BUILD = -trimpath -tags=exactsignals -ldflags='-s -w -checklinkname=0'

# The most that the binary may have, in bytes; on amd64, as all figures. It is there to notice accidents. From Go 1.27 on
# encoding/json is 640 kB larger.
BUDGET = $(if $(filter go1.25% go1.26%,$(shell $(GO) env GOVERSION)),4500000,5200000)

STATICCHECK = $(GO) tool -modfile=tools/go.mod staticcheck
SHELLS      = packaging/*.sh testdata/*.sh .ci/run
MANPAGES    = man/*.[1-8]

# absent TOOL,WHAT: says loudly that WHAT is not done; a failure with KILLBOX_TEST_STRICT=1.
absent = echo "SKIP: $(2): no $(1): make check-deps installs what is missing" >&2; test "$$KILLBOX_TEST_STRICT" != 1

# The packages with unit tests. The scripts (in the root), test/repo and test/differential have targets of their own.
UNITS = $$($(GO) list ./... | grep -vE '^killbox(/test/(repo|differential))?$$')

.DEFAULT_GOAL := build
.NOTPARALLEL:
# What make bench is given: BENCHFLAGS='-rounds 3 -rows select' for a quick look.
BENCHFLAGS =

.PHONY: bench bench-peers build install uninstall demo check check-all check-deps check-rest quick fmt vet lint man-lint shellcheck size unit repo scripts differential fuzz-short fuzz cross newest clean help

## build: bin/killbox, and a link to it for each applet
build:
	CGO_ENABLED=0 $(GO) build $(BUILD) -o bin/killbox .
	@for a in $(APPLETS); do ln -sf killbox bin/$$a || exit; done

## install: binary, links and man pages below $(DESTDIR)$(PREFIX)
install: build
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man7'
	install -m 755 bin/killbox '$(DESTDIR)$(BINDIR)/killbox'
	for a in $(APPLETS); do ln -sf killbox '$(DESTDIR)$(BINDIR)'/$$a || exit; done
	install -m 644 man/*.1 '$(DESTDIR)$(MANDIR)/man1'
	install -m 644 man/*.7 '$(DESTDIR)$(MANDIR)/man7'

## uninstall: what install put there
uninstall:
	cd '$(DESTDIR)$(BINDIR)' && rm -f killbox $(APPLETS)
	cd '$(DESTDIR)$(MANDIR)' && rm -f man1/killbox.1 man7/killbox.7 $(APPLETS:%=man1/%.1)

## demo: the main job on real processes, in ten seconds
demo: build
	@sh packaging/demo.sh bin

## check: everything but cross builds and fuzzing
check: fmt vet lint man-lint shellcheck size unit repo scripts differential
	@echo 'make check: all is well'

## check-all: everything that CI checks
check-all: check check-rest

check-rest: cross newest fuzz-short

## quick: vet, staticcheck, unit tests, what the documents promise, and one script for each applet
quick: vet lint repo
	$(GO) test $(UNITS)
	$(GO) test -count=1 -parallel $(PARALLEL) -run "^TestScripts$$/^($$(echo $(QUICK) | tr ' ' '|'))$$"

## check-deps: install what check and check-all use, from Debian (as root)
check-deps:
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(CHECK_DEPS)

fmt:
	@out=$$(gofmt -l .) || exit; test -z "$$out" || { echo "gofmt -w $$out" >&2; exit 1; }

vet:
	$(GO) vet ./...
	$(GO) vet -tags nodropins ./...
	$(GO) vet -tags newest,exactsignals ./...

lint:
	$(STATICCHECK) ./...

man-lint:
	@if ! command -v mandoc >/dev/null; then $(call absent,mandoc,lint of the man pages); else \
		echo mandoc -T lint -W warning $(MANPAGES); mandoc -T lint -W warning $(MANPAGES); fi

shellcheck:
	@if ! command -v shellcheck >/dev/null; then $(call absent,shellcheck,check of the shell scripts); else \
		echo shellcheck $(SHELLS); shellcheck $(SHELLS); fi

## size: the binary and its budget
size:
	@file=$$(mktemp) || exit; \
	GOOS=linux GOARCH=amd64 CGO_ENABLED=0 $(GO) build $(BUILD) -o "$$file" . && size=$$(wc -c <"$$file"); code=$$?; rm -f "$$file"; \
	test $$code = 0 || exit; \
	echo "size: $$size bytes of at most $(BUDGET)"; test "$$size" -le $(BUDGET)

## cross: build for every Linux port of Go
cross:
	@for arch in $$($(GO) tool dist list | sed -n 's,^linux/,,p'); do \
		echo "build linux/$$arch"; \
		GOOS=linux GOARCH=$$arch CGO_ENABLED=0 $(GO) build $(BUILD) -o /dev/null . || exit; \
	done

## newest: build with the newest release of Go, from the module proxy, and see that signals are inherited
newest:
	$(GO) test -count=1 -tags=newest -run '^TestNewestGo$$' ./test/repo

# The race detector needs cgo, and cgo a C compiler.
unit:
	@pkgs=$(UNITS) || exit; \
	if ! command -v $$($(GO) env CC) >/dev/null; then \
		$(call absent,$$($(GO) env CC),race detector) || exit; \
		$(GO) test $$pkgs; \
	else \
		echo $(GO) test -race ./...; CGO_ENABLED=1 $(GO) test -race $$pkgs; fi

# Scripts spend most of their time waiting, so more of them run at once than there are processors. Those that say `alone`, because
# they fill the machine, run first, one after the other.
PARALLEL ?= $$((2 * $$(nproc)))

# The next three name no package: with a name, go test hides what a passing test prints (SKIP, AGAIN).

## repo: what the documents promise, the arrows between packages, and the size of functions
repo:
	$(GO) -C test/repo test -count=1

## scripts: the scripts against the real kernel
scripts:
	$(GO) test -count=1 -parallel $(PARALLEL) -timeout 30m

## differential: the drop-ins against the tools that they stand in for
differential:
	$(GO) -C test/differential test -count=1 -parallel 1 -timeout 30m

fuzz-short:
	@$(MAKE) --no-print-directory fuzz FUZZTIME=$(CHECK_FUZZTIME)

## fuzz: every fuzz target, FUZZTIME each (1m)
fuzz:
	@grep -rlE --include='*_test.go' '^func Fuzz' . | sed 's,/[^/]*$$,,' | sort -u | while read -r dir; do \
		for f in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' "$$dir"/*_test.go); do \
			echo "fuzz $$dir $$f"; \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null || exit; \
		done || exit; \
	done

## bench: measure against what one would use otherwise (BENCHFLAGS)
bench: build
	@mkdir -p bench/out
	@for f in bench/c/*.c; do \
		$(CC) -O2 -Wall -Wextra -o "bench/out/$$(basename "$$f" .c)" "$$f" && continue; \
		echo "bench: $(CC) cannot build $$f: what needs it is not measured" >&2; \
	done
	$(GO) build -o bench/out/bench ./bench
	@$(MAKE) --no-print-directory install DESTDIR= BINDIR=bench/out/bin MANDIR=bench/out/man >/dev/null
	bench/out/bench -bin bench/out/bin $(BENCHFLAGS)

## bench-peers: install them all, from Debian
bench-peers:
	apt-get install -y --no-install-recommends procps psmisc busybox-static toybox util-linux tini dumb-init catatonit

## clean: remove what was built
clean:
	rm -rf bin killbox bench/out

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' Makefile | expand -t 14
