#!/bin/sh
# Checks the models of docs/model with spin: every model holds, also with each of its variants (-DVARIANT_...), no statement
# of it is dead, and each of its seeded bugs (-DBUG_...) is found. The names stand in the models alone. Arguments: models,
# without .pml; none: all of them.
set -eu

cd "$(dirname "$0")/../docs/model"
[ $# -gt 0 ] || set -- *.pml
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check FILE NAME WANTED runs one variant in $work and says how it went. NAME is a -D name or "".
check() {
	file=$PWD/$1 name=$2 wanted=$3
	cp "$file" "$work"
	if ! (cd "$work" && spin ${name:+"-D$name"} -a "$1" && gcc -O0 -DSAFETY -DMEMLIM=2000 -o pan pan.c &&
		timeout 120 ./pan -m1000000) >"$work/out" 2>&1 </dev/null; then
		tail -n 5 "$work/out"
		say "$1" "$name" "did not run" wrong
		return
	fi
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$work/out")
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$work/out")
	case $wanted in
	holds)
		if [ "$errors" != 0 ]; then
			(cd "$work" && spin -t -p ${name:+"-D$name"} "$1" | tail -n 40)
			say "$1" "$name" "an error was found" wrong
		elif grep -q "Search not completed\|max search depth too small" "$work/out"; then
			say "$1" "$name" "was not searched whole" wrong
		elif [ -z "$name" ] && dead=$(grep "^	$1:[0-9]*, state [0-9]*, \"[^-]" "$work/out"); then
			echo "$dead"
			say "$1" "$name" "has statements that nothing reaches" wrong
		else
			say "$1" "$name" "holds, $states states"
		fi
		;;
	found)
		if [ "$errors" = 0 ]; then
			say "$1" "$name" "was not found in $states states" wrong
		else
			say "$1" "$name" "found: $(sed -n 's/^pan:[0-9]*: \(.*\) (at depth.*/\1/p' "$work/out")"
		fi
		;;
	esac
}

say() { # say FILE NAME WHAT [wrong]
	printf '%-16s %-24s %s\n' "${1%.pml}" "$2" "${4:+WRONG: }$3"
	[ -z "${4:-}" ] || failed=1
}

for model in "$@"; do
	model=${model%.pml}.pml
	names=$(grep -o '\(BUG\|VARIANT\)_[A-Z0-9_]*' "$model" | sort -u)
	case $names in
	*BUG_*) ;;
	*) say "$model" "" "has no seeded bug" wrong ;;
	esac
	check "$model" "" holds
	for name in $names; do
		case $name in
		BUG_*) check "$model" "$name" found ;;
		*) check "$model" "$name" holds ;;
		esac
	done
done
exit $failed
