# killbox: make, make demo, make check. See CONTRIBUTING.md.

GO      ?= go
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man
DESTDIR ?=

# The names of the binary: those that install links, and those that install-dropins adds. test/repo compares them with
# the applets.
FIVE    = freezekill killwait pgkill reapwait tkill
DROPINS = docker-init kill killall killall5 pgrep pidof pidwait pkill timeout tini waitpid
APPLETS = $(FIVE) $(DROPINS)

# The version has one place: the constant that --version prints.
VERSION = $(shell sed -n 's/^const Version = "\(.*\)"$$/\1/p' internal/cli/applet.go)

# The architectures of a release, as Go names them. arm is ARMv7.
RELEASE_ARCHES = amd64 arm64 386 arm riscv64 s390x ppc64le

# The Debian packages that check and check-all use, besides Go and git.
CHECK_DEPS = bash bsdutils busybox-static ca-certificates clustershell dash dumb-init fish fzf gcc iproute2 jq libc6-dev lintian lsof \
	make mandoc nginx openssh-client openssh-server pdsh procps psmisc rpm runc shellcheck strace systemd sysvinit-utils \
	tini tmux util-linux zsh

# One script for each applet, and one of the harness; test/repo checks that no applet is missing.
QUICK = harness_chroot examples_tini freezekill_basic kill_basic killall_names killall5_basic killwait_basic pgkill_basic \
	pgrep_select pidof_find pidwait_timeout pkill_identity reapwait_status timeout_basic tkill_chain waitpid_basic

# How long check-all fuzzes each target, and how long fuzz does. check-all has a number of inputs instead of a time:
# at the end of a time, go test sometimes fails with "context deadline exceeded" although it has found nothing.
CHECK_FUZZTIME ?= 20000x
FUZZTIME       ?= 1m

# With the tag, killbox uses internal names of the Go runtime, for the signals that the caller ignores, the limit of
# open files, and what the runtime does with a trapped system call and a queued fault. -checklinkname=0 makes the
# linker allow these names. Without both, killbox builds as well (internal/kernel/inherited_plain.go says what is
# missing).
#
# Without -buildvcs=false, go build asks git for the commit, which fails where git does not trust the owner of the
# folder, and an archive of the source would give other bytes than a clone.
BUILD = -trimpath -buildvcs=false -tags=exactsignals -ldflags='-s -w -checklinkname=0'

# The maximum size of the binary in bytes, on amd64, to notice accidents. With Go 1.27 encoding/json is 640 kB
# larger.
BUDGET = $(if $(filter go1.25% go1.26%,$(shell $(GO) env GOVERSION)),5000000,5650000)

# What make packages and make image build, and where. Not from the environment, in which these names have other meanings:
# make release removes DIST.
ARCH = $(shell $(GO) env GOARCH)
DIST = $(CURDIR)/dist

# What packages and the image say about their origin: the address of the packager, and the URL of the project if there is
# one. Not from the environment either.
MAINTAINER = The killbox authors <maintainers@killbox.example>
HOMEPAGE   =
export MAINTAINER HOMEPAGE

STATICCHECK = $(GO) tool -modfile=tools/go.mod staticcheck
SHELLS      = applets/shell/*.sh test/ports/*.sh applets/shell/*.bash completions/*.bash docs/*.sh packaging/*.sh packaging/plugins/* test/image/*.sh testdata/*.sh .ci/run
MANPAGES    = man/*.[1-8]

# absent TOOL,WHAT: prints that WHAT is skipped because TOOL is missing; with KILLBOX_TEST_STRICT=1 it fails.
absent = echo "SKIP: $(2): no $(1): make check-deps installs what is missing" >&2; test "$$KILLBOX_TEST_STRICT" != 1

# The packages with unit tests. The scripts (run from the root) and these folders of test/ have targets of their own.
UNITS = $$($(GO) list ./... | grep -vE '^killbox(/test/(repo|differential|image|ports|commandlines|matrix))?$$')

.DEFAULT_GOAL := build
.NOTPARALLEL:
# Options of make bench: BENCHFLAGS='-rounds 3 -rows select' for a short run.
BENCHFLAGS =

.PHONY: bench bench-peers build completions install install-dropins uninstall binaries packages image dist release demo pictures html check check-all check-deps check-image check-packages check-rest quick fmt vet lint man-lint shellcheck size unit repo scripts differential fuzz-short fuzz cross ports newest clean help fuzz-commands fuzz-commands-short matrix check-matrix soak soak-short

## build: bin/killbox, and a link to it for each applet
build:
	CGO_ENABLED=0 $(GO) build $(BUILD) -o bin/killbox .
	@for a in $(APPLETS); do ln -sf killbox bin/$$a || exit; done

## completions: write the completions of bash, zsh and fish again
completions: build
	@bin/killbox completion bash >completions/killbox.bash
	@bin/killbox completion zsh >completions/_killbox
	@bin/killbox completion fish >completions/killbox.fish

# What install needs: not Go, if make has built the binary before. Under sudo, PATH often lacks Go.
BUILT := $(shell { test -x bin/killbox && ! command -v $(GO) >/dev/null; } || echo build)

## install: killbox, links for the five, man pages, completions and killbox-pick, below $(DESTDIR)$(PREFIX)
install: $(BUILT)
	@sh packaging/install.sh install '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)' '$(DESTDIR)$(DATADIR)' $(FIVE)

## install-dropins: install, and links and man pages for the drop-ins (kill, pkill, timeout, tini ...)
install-dropins: $(BUILT)
	@sh packaging/install.sh install '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)' '$(DESTDIR)$(DATADIR)' $(APPLETS)

## uninstall: remove the files of install and install-dropins
uninstall:
	@sh packaging/install.sh uninstall '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)' '$(DESTDIR)$(DATADIR)' $(APPLETS)

# All times in packages and images are that of the last commit (reproducible-builds.org, SOURCE_DATE_EPOCH), and a
# release does not depend on flags in the environment.
packages image dist release: export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct),$(error set SOURCE_DATE_EPOCH to the time of the source in seconds since 1970))
packages image dist release check-packages: export CGO_ENABLED = 0
packages image dist release: export GOFLAGS =

# The binary of $$arch.
BINARY = $(DIST)/killbox-$(VERSION)-linux-$$(echo $$arch | sed 's/^arm$$/armv7/')

binaries:
	@for arch in $(ARCH); do \
		echo "build $(BINARY)"; \
		GOOS=linux GOARCH=$$arch GOARM=7 $(GO) build $(BUILD) -o "$(BINARY)" . || exit; \
	done

## packages: dist/*.deb, *.rpm and *.apk (ARCH='amd64 arm64 ...')
packages: binaries
	$(GO) build -C packaging/tools -o ../../bin/ ./packages
	@set -- bin/packages -version $(VERSION) -five '$(FIVE)' -dropins '$(DROPINS)' -out '$(DIST)' \
		-maintainer "$$MAINTAINER" -homepage "$$HOMEPAGE"; \
	for arch in $(ARCH); do \
		"$$@" -arch $$arch -binary "$(BINARY)" || exit; \
	done; \
	"$$@"

## image: an OCI image of the binary and its links, in dist (ARCH='amd64 arm64 ...')
image: binaries
	$(GO) build -C packaging/tools -o ../../bin/ ./image
	@set --; for arch in $(ARCH); do \
		set -- "$$@" "$$(echo $$arch | sed 's,^arm$$,arm/v7,')=$(BINARY)"; \
	done; \
	bin/image -out '$(DIST)' -links '$(APPLETS)' -version $(VERSION) -homepage "$$HOMEPAGE" \
		-revision "$$(git describe --always --abbrev=40 --exclude='*' --dirty)" "$$@"

# dist: what release makes, from the tree as it is.
dist:
	rm -rf '$(DIST)'
	@$(MAKE) --no-print-directory packages image ARCH='$(RELEASE_ARCHES)'
	$(GO) build -C packaging/tools -o ../../bin/ ./sbom
	bin/sbom -version $(VERSION) -out '$(DIST)/killbox-$(VERSION).spdx.json' '$(DIST)'/killbox-$(VERSION)-linux-*
	cp packaging/copyright '$(DIST)/killbox-$(VERSION).copyright'
	@cd '$(DIST)' && find . -type f -print | LC_ALL=C sort | sed 's,^\./,,' | xargs sha256sum >'$(CURDIR)/bin/SHA256SUMS' && \
		mv '$(CURDIR)/bin/SHA256SUMS' .

## release: dist/ for all architectures: binaries, packages, image, SPDX document, SHA256SUMS
release:
	@changes=$$(git status --porcelain) || exit; test -z "$$changes" || \
		{ printf 'release: the tree is not as committed:\n%s\n' "$$changes" >&2; exit 1; }
	@grep -q '^## \[$(VERSION)\] - [0-9]' CHANGELOG.md || \
		{ echo 'release: CHANGELOG.md has no date for version $(VERSION)' >&2; exit 1; }
	@$(MAKE) --no-print-directory dist

## demo: end real processes, in twenty seconds
demo: build
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/demo-server ./packaging/demo
	@sh packaging/demo.sh bin

## pictures: draw the pictures of README.md again, from real runs (as root)
pictures: build
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/pictures ./packaging/pictures
	sh packaging/pictures.sh bin docs

## html: write docs/man, the manual as HTML, again (needs mandoc)
html:
	$(GO) run ./packaging/html docs/man

## check: all tests and linters, without cross builds, the newest Go, fuzzing and packages
check: fmt vet lint man-lint shellcheck size unit repo scripts differential
	@echo 'make check: no errors'

## check-all: all that CI runs: check, cross builds, the newest Go, fuzzing, random command lines, packages, the image, the matrix, a short soak
check-all: check check-rest

check-rest: cross newest fuzz-short fuzz-commands-short check-packages check-image check-matrix soak-short

## quick: vet, staticcheck, unit tests, documents against code, one script for each applet
quick: vet lint repo
	$(GO) test $(UNITS)
	$(GO) test -count=1 -parallel $(PARALLEL) -run "^TestScripts$$/^($$(echo $(QUICK) | tr ' ' '|'))$$"

## check-deps: install the Debian packages for check and check-all (as root)
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

## size: compare the size of the binary with its budget
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

# The architectures of make ports: those of a release, without that of this machine.
PORTS ?= $(filter-out $(shell $(GO) env GOARCH),$(RELEASE_ARCHES))

## ports: unit tests and a smoke run for other architectures, under qemu-user (PORTS='s390x arm ...')
ports:
	KILLBOX_TEST_PORTS='$(PORTS)' \
		KILLBOX_TEST_UNITS="$$($(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' $(UNITS) | tr '\n' ' ')" \
		unshare --user --map-root-user --mount sh test/ports/emulate.sh $(GO) -C test/ports test -v -count=1 -timeout 60m

## check-packages: build a release twice and compare; lint, install, use, upgrade and remove the packages
check-packages:
	$(GO) -C packaging/tools vet ./...
	$(GO) -C packaging/tools test ./packages
	cd packaging/tools && $(GO) tool -modfile=../../tools/go.mod staticcheck ./...
	@for tool in jq lintian rpm; do \
		command -v $$tool >/dev/null || { $(call absent,$$tool,check of the packages); exit; }; \
	done; \
	as_root=; test "$$(id -u)" = 0 || as_root='unshare --map-root-user'; \
	$$as_root bash packaging/check-packages.sh $(VERSION) '$(FIVE)' '$(DROPINS)'

## newest: build with the newest Go (from the module proxy), and test that ignored signals are inherited
newest:
	$(GO) test -count=1 -tags=newest -run '^TestNewestGo$$' ./test/repo

## check-image: build the image twice, and run it under runc (as root)
check-image:
	$(GO) -C packaging/tools test ./image
	$(GO) -C test/image test -count=1 -parallel $(PARALLEL)

# The race detector needs cgo, and cgo needs a C compiler.
unit:
	@pkgs=$(UNITS) || exit; \
	if ! command -v $$($(GO) env CC) >/dev/null; then \
		$(call absent,$$($(GO) env CC),race detector) || exit; \
		$(GO) test $$pkgs; \
	else \
		echo $(GO) test -race ./...; CGO_ENABLED=1 $(GO) test -race $$pkgs; fi

# Scripts mostly wait, so twice as many run at once as there are processors. Scripts with a line `alone`, which load
# the whole machine, run first, one after the other.
PARALLEL ?= $$((2 * $$(nproc)))

# The next three targets name no package: with a name, go test does not print the output of tests that pass (SKIP,
# AGAIN).

## repo: documents against code, imports between packages, size of functions
repo:
	$(GO) -C test/repo test -count=1

## scripts: run the scripts of testdata/scripts against the real kernel
scripts:
	$(GO) test -count=1 -parallel $(PARALLEL) -timeout 30m

## differential: compare the drop-ins with their originals
differential:
	$(GO) -C test/differential test -count=1 -parallel 1 -timeout 30m

# Most of the calls wait, so more of them run at once than scripts.
MATRIX = $(GO) -C test/matrix test -count=1 -parallel $$((2 * $(PARALLEL))) -timeout 30m

## matrix: call each applet in each environment and with each fault, and write the tables of docs/reliability.md (as root)
matrix:
	KILLBOX_MATRIX_WRITE=1 $(MATRIX)

## check-matrix: compare the tables of docs/reliability.md with a new run (as root)
check-matrix:
	$(MATRIX)

fuzz-short:
	@$(MAKE) --no-print-directory fuzz FUZZTIME=$(CHECK_FUZZTIME)

## fuzz: run every fuzz target for FUZZTIME (1m)
fuzz:
	@grep -rlE --include='*_test.go' '^func Fuzz' . | sed 's,/[^/]*$$,,' | sort -u | while read -r dir; do \
		for f in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' "$$dir"/*_test.go); do \
			echo "fuzz $$dir $$f"; \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null || exit; \
		done || exit; \
	done

fuzz-commands-short:
	@$(MAKE) --no-print-directory fuzz-commands N=200

## fuzz-commands: run N (20000) random command lines of each applet in PID namespaces (SEED=1; as root)
fuzz-commands: N = 20000
fuzz-commands: SEED = 1
fuzz-commands:
	$(GO) -C test/commandlines test -count=1 -timeout 4h -args -n $(N) -seed $(SEED)

soak-short:
	$(GO) -C test/soak test -run '^TestCases$$' -count=1 -args -t 20s

# SEED and CASE replay what a soak has printed; SOAKFLAGS has further options (-jobs, -tries).
SOAK      ?= 10m
SEED      ?=
CASE      ?=
SOAKFLAGS ?=

## soak: random families, calls and faults for SOAK (10m), judged by the kernel (as root; SEED= CASE= replay)
soak: build
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/actor ./test/victims/actor
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/soak ./test/soak
	@bin/soak -bin bin -t $(SOAK) $(if $(SEED),-seed $(SEED)) $(if $(CASE),-case $(CASE)) $(SOAKFLAGS)

## bench: measure killbox against the usual tools (BENCHFLAGS)
bench: build
	@mkdir -p bench/out
	@for f in bench/c/*.c; do \
		$(CC) -O2 -Wall -Wextra -o "bench/out/$$(basename "$$f" .c)" "$$f" && continue; \
		echo "bench: $(CC) cannot build $$f: its rows are not measured" >&2; \
	done
	$(GO) build -o bench/out/bench ./bench
	@rm -rf bench/out/bin && mkdir bench/out/bin && cp bin/killbox bench/out/bin && bench/out/bin/killbox --install bench/out/bin
	bench/out/bench -bin bench/out/bin $(BENCHFLAGS)

## bench-peers: install these tools from Debian (as root)
bench-peers:
	apt-get install -y --no-install-recommends procps psmisc lsof iproute2 busybox-static toybox util-linux tini dumb-init catatonit

## clean: remove all that was built
clean:
	rm -rf bin dist killbox bench/out

## help: print this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' Makefile | expand -t 14
