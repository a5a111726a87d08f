#!/bin/sh
# Runs every fuzz target of the module, one after another, each for the duration given.
set -eu

each=${1:-30s}
found=0
for package in $("${GO:-go}" list ./...); do
	targets=$("${GO:-go}" test -list '^Fuzz' "$package" | grep '^Fuzz' || true)
	for target in $targets; do
		found=$((found + 1))
		echo "$package $target"
		"${GO:-go}" test -run '^$' -fuzz "^$target\$" -fuzztime "$each" "$package"
	done
done
if [ "$found" = 0 ]; then
	echo "no fuzz target found" >&2
	exit 1
fi
