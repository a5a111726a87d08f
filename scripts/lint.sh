#!/bin/sh
# Format, vet on every system that must build, static analysis. The argument is staticcheck's module and version.
set -eu

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
	echo "not gofmt'ed: $unformatted" >&2
	exit 1
fi
go vet ./...
for target in linux/arm64 darwin/arm64 freebsd/amd64; do
	GOOS=${target%/*} GOARCH=${target#*/} go vet ./shm/... ./lock/... ./ring/... ./cmd/...
done
go run "$1" ./...
