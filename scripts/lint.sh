#!/bin/sh
# Format, vet on every system that must build, static analysis of code and scripts. The argument is staticcheck's module
# and version.
set -eu

go=${GO:-go}
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "not gofmt'ed: $unformatted" >&2
	exit 1
fi
"$go" vet ./...
for target in linux/arm64 darwin/arm64 freebsd/amd64; do
	GOOS=${target%/*} GOARCH=${target#*/} "$go" vet ./internal/... ./shm/... ./lock/... ./ring/... ./cmd/...
done
for target in linux/386 linux/arm darwin/amd64 freebsd/arm64 netbsd/amd64 netbsd/arm64 openbsd/amd64 openbsd/arm64; do # only ring refuses 32 bits
	GOOS=${target%/*} GOARCH=${target#*/} "$go" vet ./shm/... ./lock/...
done
shellcheck .ci/run scripts/*.sh bench/*.sh
"$go" run "$1" ./...
