#!/bin/sh
# Installs what the tests call: Debian and Ubuntu by packages (as root), elsewhere it says what is missing.
set -eu

missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need go golang
need git git
need strace strace
need unshare util-linux
need mount mount

[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of packages
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
	exit 0
fi
echo "the tests need:$missing" >&2
echo "hint: install them with your package manager and run this again" >&2
exit 1
