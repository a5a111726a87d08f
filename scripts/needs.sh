#!/bin/sh
# Installs what a make target calls, named by the argument: test, race, model or lint. Debian and Ubuntu by packages, as root;
# elsewhere it says what is missing.
set -eu

packages=""
commands=""
need() { # need COMMAND PACKAGE
	command -v "$1" >/dev/null 2>&1 && return
	commands="$commands $1"
	packages="$packages $2"
}

case ${1:-} in
test)
	need git git
	need strace strace
	need qemu-aarch64 qemu-user
	;;
race)
	need gcc "gcc libc6-dev"
	;;
model)
	need spin spin
	need gcc "gcc libc6-dev"
	;;
lint)
	need git git
	need shellcheck shellcheck
	;;
*)
	echo "usage: needs.sh test|race|model|lint" >&2
	exit 2
	;;
esac

if ! command -v go >/dev/null 2>&1; then
	echo "go is missing: the version that go.mod names, or newer, from https://go.dev/dl" >&2
	exit 1
fi
[ -z "$packages" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
	echo "missing:$commands" >&2
	echo "hint: on Debian and Ubuntu run this as root, or: apt-get install$packages" >&2
	exit 1
fi
echo "installing$packages"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of packages
if ! { apt-get update -qq -o APT::Update::Error-Mode=any &&
	apt-get install -y -qq --no-install-recommends $packages >/dev/null; }; then
	echo "apt-get could not install$packages" >&2
	exit 1
fi
for command in $commands; do
	if ! command -v "$command" >/dev/null 2>&1; then
		echo "$command is missing, and$packages did not bring it" >&2
		exit 1
	fi
done
