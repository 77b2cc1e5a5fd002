# Needs Go and make. A C compiler, PostgreSQL, Node, Net::SMPP, Kannel, gammu and
# systemd widen the tests.

VERSION := $(or $(shell git describe --tags --always --dirty 2>/dev/null),devel)
# The race detector needs a C compiler, without which Go turns cgo off.
RACE     = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
# SQLite is C made into Go, and no two goroutines are in one of its connections at
# a time: to watch its every access takes as long as all else. What uses it is
# watched.
WATCHED  = $(RACE) $(if $(RACE),-gcflags=modernc.org/sqlite/lib=-race=false)
FUZZTIME = 10m
# Folders with packages of npm that tests run.
JAVASCRIPT = $(shell find . -name node_modules -prune -o -name package-lock.json -exec dirname {} \;)

PREFIX     = /usr/local
bindir     = $(PREFIX)/bin
libdir     = $(PREFIX)/lib
sysconfdir = /etc

.PHONY: build demo test lint bench drill fuzz fuzz-smoke install uninstall clean

build:
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o bin/smsbridge ./cmd/smsbridge

demo: build
	bin/smsbridge demo

test:
	@command -v npm >/dev/null || exit 0; for dir in $(JAVASCRIPT); do \
		[ "$$dir/node_modules/.package-lock.json" -nt "$$dir/package-lock.json" ] || npm --prefix "$$dir" ci --no-audit --no-fund; \
	done
	go test $(WATCHED) ./...
	@for dir in $(JAVASCRIPT); do \
		[ -e "$$dir/node_modules/.package-lock.json" ] || echo "NOT TESTED: $$dir. It needs Node and npm." >&2; \
	done
	@perl -MNet::SMPP -e 1 2>/dev/null || echo "NOT TESTED: an SMSC on Perl's Net::SMPP. It is not installed." >&2
	@[ -n "$$(PATH=$$PATH:/usr/sbin command -v bearerbox)" ] || echo 'NOT TESTED: Kannel bound to the simulated SMSC. It is not installed.' >&2
	@command -v gammu >/dev/null || echo 'NOT TESTED: gammu at a simulated modem. It is not installed.' >&2
	@[ -n '$(RACE)' ] || echo 'NOT TESTED: data races. The race detector needs a C compiler.' >&2
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
		echo 'NOT TESTED: PostgreSQL. It is not installed; no service is needed, only its programs.' >&2

# Tests behind the build tag drill are checked like all others. The settings are
# those of build, so that nothing is compiled twice.
lint: export CGO_ENABLED = 0
lint: export GOFLAGS = -trimpath
lint:
	@unformatted=$$(find . -name node_modules -prune -o -name '*.go' -exec gofmt -l {} +); \
		[ -z "$$unformatted" ] || { echo "not as gofmt writes it:"; echo "$$unformatted"; exit 1; } >&2
	go vet -tags drill ./...
	go tool staticcheck -tags drill ./...

# A store of 100,000 conversations is made for it, once for good in the folder
# that SMSBRIDGE_BENCH_DIR names.
bench:
	@dir="$$SMSBRIDGE_BENCH_DIR"; [ -n "$$dir" ] || { dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; }; \
	SMSBRIDGE_BENCH_DIR="$$dir" go test -run '^$$' -bench . -benchmem ./...

# Drills take minutes and break things on purpose: power cuts, lost leases,
# carriers that hang up.
drill:
	go test $(WATCHED) -tags drill -count 1 -timeout 2h -v -run '^TestDrill' ./...

fuzz:
	@grep -rHo --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]*' . | \
	sed 's|/[^/]*:func | |' | sort | while read -r package target; do \
		echo "fuzz $$package $$target"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package </dev/null || exit 1; \
	done

# A number of inputs rather than a time: at its end, the fuzzing engine now and
# then reports its own deadline as a failure of the target.
fuzz-smoke:
	$(MAKE) fuzz FUZZTIME=10000x

# Installs what `make build` built, so that root need not build.
install:
	@[ -x bin/smsbridge ] || { echo 'bin/smsbridge is missing: run "make build" first' >&2; exit 1; }
	install -D -m 755 bin/smsbridge $(DESTDIR)$(bindir)/smsbridge
	sed 's|/usr/local/bin/|$(bindir)/|' systemd/smsbridge.service | \
		install -D -m 644 /dev/stdin $(DESTDIR)$(libdir)/systemd/system/smsbridge.service
	install -D -m 644 systemd/smsbridge.sysusers $(DESTDIR)$(libdir)/sysusers.d/smsbridge.conf
	install -D -m 644 systemd/smsbridge.tmpfiles $(DESTDIR)$(libdir)/tmpfiles.d/smsbridge.conf
	install -D -m 644 systemd/78-smsbridge-modems.rules $(DESTDIR)$(libdir)/udev/rules.d/78-smsbridge-modems.rules
	[ -e $(DESTDIR)$(sysconfdir)/smsbridge/smsbridge.yaml ] || \
		install -D -m 640 systemd/smsbridge.yaml.example $(DESTDIR)$(sysconfdir)/smsbridge/smsbridge.yaml
	@[ -n '$(DESTDIR)' ] || [ ! -d /run/systemd/system ] || { set -x; \
		systemd-sysusers smsbridge.conf && systemd-tmpfiles --create smsbridge.conf && systemctl daemon-reload; }

# Configuration and data stay.
uninstall:
	@[ -n '$(DESTDIR)' ] || [ ! -d /run/systemd/system ] || { set -x; systemctl disable --now smsbridge.service; }
	rm -f $(DESTDIR)$(bindir)/smsbridge $(DESTDIR)$(libdir)/systemd/system/smsbridge.service \
		$(DESTDIR)$(libdir)/sysusers.d/smsbridge.conf $(DESTDIR)$(libdir)/tmpfiles.d/smsbridge.conf

clean:
	rm -rf bin
