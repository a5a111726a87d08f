#!/usr/bin/env bash
# Compares the micro-benchmarks of two commits: bench/compare.sh BASE [HEAD]. Both are built in worktrees of their own and
# run in turns, so that a change of the machine meets both alike; benchstat tells what is more than noise.
#
#   COUNT=10        how many turns
#   BENCH=.         which benchmarks, a regexp
#   BENCHTIME=300ms how long each of them runs in a turn
#   PACKAGES=./ring where to look for them
set -euo pipefail

base=${1:-}
head=${2:-HEAD}
benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20250813145418-2f7363a06fe1 # the last that go 1.24 builds
go=${GO:-go}
if [ -z "$base" ]; then
	echo "usage: bench/compare.sh BASE [HEAD] (or: make bench-compare BASE=commit)" >&2
	exit 2
fi
cd "$(dirname "$0")/.."
git rev-parse --verify --quiet "$base^{commit}" >/dev/null || { echo "no commit $base" >&2; exit 1; }
git rev-parse --verify --quiet "$head^{commit}" >/dev/null || { echo "no commit $head" >&2; exit 1; }

work=$(mktemp -d)
finish() {
	for side in base head; do
		git worktree remove --force "$work/$side" >/dev/null 2>&1 || true
	done
	rm -rf "$work"
}
trap finish EXIT

# build SIDE COMMIT: a test binary for each package that has benchmarks.
build() {
	git worktree add --quiet --detach "$work/$1" "$2"
	mkdir "$work/$1.bin"
	cd "$work/$1"
	for dir in $("$go" list -f '{{.Dir}}' "${PACKAGES:-./ring}"); do
		if grep -qs '^func Benchmark' "$dir"/*_test.go; then
			"$go" test -c -o "$work/$1.bin/$(echo "${dir#"$work/$1/"}" | tr / %).test" "$dir"
		fi
	done
	cd - >/dev/null
}

# run SIDE: one turn of all of its benchmarks. A package's tests expect to be run where it lies.
run() {
	for test in "$work/$1.bin"/*.test; do
		[ -e "$test" ] || { echo "no benchmarks in $1" >&2; exit 1; }
		dir=$(basename "$test" .test | tr % /)
		(cd "$work/$1/$dir" && "$test" -test.run='^$' -test.bench="${BENCH:-.}" -test.benchmem -test.benchtime="${BENCHTIME:-300ms}") >>"$work/$1.txt"
	done
}

build base "$base"
build head "$head"
for turn in $(seq "${COUNT:-10}"); do
	echo "turn $turn of ${COUNT:-10}" >&2
	run base
	run head
done
"$go" run "$benchstat" "base=$work/base.txt" "head=$work/head.txt"
