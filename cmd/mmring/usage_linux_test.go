package main_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// wrong are command lines that cannot be, and what is said of them.
var wrong = map[string]string{
	"bogus":            `unknown command "bogus" for "mmring"`,
	"--bogus":          "unknown flag: --bogus",
	"-x":               "unknown shorthand flag: 'x' in -x",
	"help bogus":       `no command "bogus"`,
	"create":           "takes PATH, got nothing",
	"create a b":       "takes PATH, got 2 arguments",
	"pub":              "takes PATH [FILE...], got nothing",
	"sub":              "takes PATH, got nothing",
	"cat a b":          "takes PATH, got 2 arguments",
	"info":             "takes PATH, got nothing",
	"stat":             "takes PATH, got nothing",
	"verify":           "takes PATH, got nothing",
	"repair":           "takes PATH, got nothing",
	"readers":          "takes PATH, or add, seek or rm, got nothing",
	"readers seek a":   "takes PATH NAME, got one argument",
	"readers seek a b": "--from is missing: where to?",
	"readers add a":    "takes PATH NAME, got one argument",
	"readers rm a b c": "takes PATH NAME, got 3 arguments",
	"rm":               "takes PATH, got nothing",
	"demo a b":         "takes [FILE|DIR], got 2 arguments",
	"version x":        "takes nothing, got one argument",
	"completion":       "takes bash|zsh|fish|powershell, got nothing",
	"completion tcsh":  `no completions for "tcsh": must be one of bash, zsh, fish, powershell`,

	"create R --capacity 0":                               "capacity 0: must be a power of two from 64KiB to 1TiB",
	"create R --capacity 100":                             "create R: bad configuration: capacity 100: must be a power of two from 65536 (64KiB) to 1099511627776 (1TiB)",
	"create R --capacity 100MB":                           "create R: bad configuration: capacity 100000000: must be a power of two from 65536 (64KiB) to 1099511627776 (1TiB)",
	"create R --capacity 2TiB":                            "create R: bad configuration: capacity 2199023255552: must be a power of two from 65536 (64KiB) to 1099511627776 (1TiB)",
	"create R --capacity many":                            `invalid argument "many" for "--capacity" flag: "many" is not a size such as 4096, 64KiB, 1MiB, 100MB`,
	"create R --capacity -1":                              `invalid argument "-1" for "--capacity" flag: "-1" is not a size such as 4096, 64KiB, 1MiB, 100MB`,
	"create R --capacity 9999999TiB":                      `invalid argument "9999999TiB" for "--capacity" flag: "9999999TiB" is not a size such as 4096, 64KiB, 1MiB, 100MB`,
	"create R --readers 0":                                `invalid argument "0" for "--readers" flag: must be a whole number from 1 to 4096`,
	"create R --readers 4097":                             `invalid argument "4097" for "--readers" flag: must be a whole number from 1 to 4096`,
	"create R --readers x":                                `invalid argument "x" for "--readers" flag: must be a whole number from 1 to 4096`,
	"create R --chgrp nobodies":                           `invalid argument "nobodies" for "--chgrp" flag: "nobodies" is not a group of this machine`,
	"create R --chgrp -1":                                 `invalid argument "-1" for "--chgrp" flag: "-1" is not a group of this machine`,
	"create R --mode 888":                                 `invalid argument "888" for "--mode" flag: "888" is not a mode such as 0600 or 0660`,
	"create R --mode 0":                                   "mode 0000: the owner must read and write",
	"create R --mode 0400":                                "create R: bad configuration: mode 0400: must be permission bits, and the owner must read and write",
	"create R --mode 10600":                               "create R: bad configuration: mode 010600: must be permission bits, and the owner must read and write",
	"create R --content-type " + strings.Repeat("x", 128): "create R: bad configuration: content type of 128 bytes: at most 127",
	"create R --description " + strings.Repeat("x", 1024): "create R: bad configuration: description of 1024 bytes: at most 1023",

	"pub R --framing csv":          `invalid argument "csv" for "--framing" flag: must be one of lines, nul, u32le, whole`,
	"pub R --tag 65536":            `invalid argument "65536" for "--tag" flag: must be a whole number from 0 to 65535`,
	"pub R --tag -1":               `invalid argument "-1" for "--tag" flag: must be a whole number from 0 to 65535`,
	"pub R --sync 0":               `invalid argument "0" for "--sync" flag: must be every, a number of records from 1 on, or a duration such as 200ms, 5s`,
	"pub R --sync -1s":             `invalid argument "-1s" for "--sync" flag: must be every, a number of records from 1 on, or a duration such as 200ms, 5s`,
	"pub R --sync never":           `invalid argument "never" for "--sync" flag: must be every, a number of records from 1 on, or a duration such as 200ms, 5s`,
	"pub R --rate -1":              `invalid argument "-1" for "--rate" flag: must be a number from 0 on, such as 1000 or 0.5`,
	"pub R --rate NaN":             `invalid argument "NaN" for "--rate" flag: must be a number from 0 on, such as 1000 or 0.5`,
	"pub R --rate Inf":             `invalid argument "Inf" for "--rate" flag: must be a number from 0 on, such as 1000 or 0.5`,
	"pub R --timeout 5":            `invalid argument "5" for "--timeout" flag: must be a duration such as 200ms, 5s, 1m30s`,
	"pub R --timeout -5s":          `invalid argument "-5s" for "--timeout" flag: must be a duration such as 200ms, 5s, 1m30s`,
	"pub R --min-readers -1":       `invalid argument "-1" for "--min-readers" flag: must be a whole number from 0 to 4096`,
	"pub R --no-wait --timeout 1s": "--no-wait and --timeout exclude each other",
	"pub R --capacity 1MiB":        "--capacity without --create",
	"pub R --mode 0600":            "--mode without --create",

	"sub R --from yesterday":             `invalid argument "yesterday" for "--from" flag: must be oldest, newest, next, a sequence number from 1 on, -N for the last N, or @ and a time`,
	"sub R --from 0":                     `invalid argument "0" for "--from" flag: must be oldest, newest, next, a sequence number from 1 on, -N for the last N, or @ and a time`,
	"sub R --from 18446744073709551616":  `invalid argument "18446744073709551616" for "--from" flag: must be oldest, newest, next, a sequence number from 1 on, -N for the last N, or @ and a time`,
	"sub R --from @yesterday":            `invalid argument "@yesterday" for "--from" flag: "yesterday" is not a time such as 2024-01-31T09:30:00Z or 2024-01-31T10:30:00.5+01:00`,
	"sub R --from @":                     `invalid argument "@" for "--from" flag: "" is not a time such as 2024-01-31T09:30:00Z or 2024-01-31T10:30:00.5+01:00`,
	"cat R --from @2024-02-30T00:00:00Z": `invalid argument "@2024-02-30T00:00:00Z" for "--from" flag: "2024-02-30T00:00:00Z" is not a time such as 2024-01-31T09:30:00Z or 2024-01-31T10:30:00.5+01:00`,
	"sub R --count 0":                    `invalid argument "0" for "--count" flag: must be a whole number from 1 on`,
	"sub R --count x":                    `invalid argument "x" for "--count" flag: must be a whole number from 1 on`,
	"sub R --idle-timeout soon":          `invalid argument "soon" for "--idle-timeout" flag: must be a duration such as 200ms, 5s, 1m30s`,
	"sub R --wait -1s":                   `invalid argument "-1s" for "--wait" flag: must be a duration such as 200ms, 5s, 1m30s`,
	"sub R --tag 65536":                  `invalid argument "65536" for "--tag" flag: must be a whole number from 0 to 65535`,
	"sub R -o xml":                       `invalid argument "xml" for "-o, --output" flag: must be one of text, raw, json, hex, u32le`,
	"cat R -o xml":                       `invalid argument "xml" for "-o, --output" flag: must be one of text, raw, json, hex, u32le`,
	"cat R --name x":                     "unknown flag: --name",
	"stat R --watch 5":                   `invalid argument "5" for "--watch" flag: must be a duration such as 200ms, 5s, 1m30s`,
	"stat R --watch -5s":                 `invalid argument "-5s" for "--watch" flag: must be a duration such as 200ms, 5s, 1m30s`,
	"readers add R x --from 0":           `invalid argument "0" for "--from" flag: must be oldest, newest, next, a sequence number from 1 on, -N for the last N, or @ and a time`,
}

// spoken is how all errors are said: lower case, no full stop, and after them what to do.
var spoken = regexp.MustCompile(`^mmring: [^A-Z\n][^\n]*[^.\n]\n(hint: [^A-Z\n][^\n]*[^.\n]\n)?$`)

// at puts a ring's path where a line has R.
func at(path, line string) string { return regexp.MustCompile(`\bR\b`).ReplaceAllString(line, path) }

func TestACommandLineThatCannotBeIsRefused(t *testing.T) {
	path := ringtest.Dir(t) + "/r"
	for line, says := range wrong {
		r := mmring(t, strings.Fields(at(path, line))...)
		require.Equal(t, 2, r.code, "%s: %s", line, r.said)
		require.Empty(t, r.out, line)
		require.Equal(t, "mmring: "+at(path, says), strings.Split(r.said, "\n")[0])
		require.Regexp(t, spoken, r.said, line)
	}
	require.NoFileExists(t, path)
	r := mmring(t, "info", "")
	require.Equal(t, result{code: 2, said: "mmring: an argument is empty\nhint: usage: mmring info PATH [flags]; mmring info --help says more\n"}, r)
}

func TestEveryOutputHasItsChoices(t *testing.T) {
	for _, command := range []string{"info R", "stat R", "ls", "verify R", "repair R", "readers R", "version"} {
		r := mmring(t, strings.Fields(command+" -o yaml")...)
		require.Equal(t, 2, r.code, command)
		require.Contains(t, r.said, `for "-o, --output" flag: must be one of text, json`, command)
	}
}

func TestWithoutACommandThereIsHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"-h"}, {"help"}} {
		out := done(t, args...)
		for _, word := range []string{"create", "pub", "sub", "cat", "info", "stat", "ls", "verify", "repair", "readers", "rm", "demo", "bench", "completion", "version", "Exit codes"} {
			require.Contains(t, out, word, "%v", args)
		}
		require.NotContains(t, out, "demo-process")
		require.NotContains(t, out, "bench-far")
	}
	require.Equal(t, done(t, "readers", "add", "--help"), done(t, "help", "readers", "add"))
}

// commands are all that a user sees, with the words that lead to them.
func commands(t *testing.T) (all []string) {
	t.Helper()
	var find func(words string)
	find = func(words string) {
		help := done(t, append([]string{"help"}, strings.Fields(words)...)...)
		_, list, _ := strings.Cut(help, "Available Commands:\n")
		for _, m := range regexp.MustCompile(`(?m)^  (\w+) `).FindAllStringSubmatch(strings.Split(list, "\n\n")[0], -1) {
			all = append(all, strings.TrimSpace(words+" "+m[1]))
			find(all[len(all)-1])
		}
	}
	find("")
	require.Greater(t, len(all), 15)
	return all
}

func TestTheExamplesOfAllCommandsWork(t *testing.T) {
	tree, _ := tree(t, 4000)
	goroot := t.TempDir()
	require.NoError(t, os.Rename(tree, goroot+"/src"))
	for _, c := range commands(t) {
		help := done(t, append(strings.Fields(c), "--help")...)
		_, examples, found := strings.Cut(help, "\nExamples:\n")
		require.True(t, found, c)
		lines := slices.DeleteFunc(strings.Split(strings.Split(examples, "\n\n")[0], "\n"), func(s string) bool { return strings.TrimSpace(s) == "" })
		require.Len(t, lines, 2, c)
		for _, example := range lines {
			require.Contains(t, example, "mmring "+c)
			if c == "bench" {
				continue // ten seconds each; its own tests run it
			}
			t.Run(strings.TrimSpace(example), func(t *testing.T) {
				t.Parallel()
				script := strings.ReplaceAll(example, "/dev/shm", `"$D"`)
				r := shell(t, script+"\n"+script, "GOROOT="+goroot) // also when it is pasted again
				require.Zero(t, r.code, r.said)
			})
		}
	}
}

func TestCompletionKnowsRingsAndCursors(t *testing.T) {
	dir := ringtest.Dir(t)
	fed(t, lines(1, 9), "pub", dir+"/numbers.ring", "--create", "--capacity", "64KiB")
	require.NoError(t, ring.Create(dir+"/other.ring", ring.Config{Capacity: 64 << 10}))
	require.NoError(t, os.WriteFile(dir+"/text", []byte("text"), 0o600))
	require.NoError(t, os.Mkdir(dir+"/more", 0o700))
	done(t, "readers", "add", dir+"/numbers.ring", "archive")
	numbers, other := dir+"/numbers.ring\t9 records, 64KiB", dir+"/other.ring\t0 records, 64KiB"
	complete := func(line string, last string) []string {
		t.Helper()
		r := mmring(t, append(append([]string{"__complete"}, strings.Fields(line)...), last)...)
		require.Zero(t, r.code)
		words := strings.Split(r.out, "\n")
		return slices.DeleteFunc(words, func(w string) bool { return w == "" || strings.HasPrefix(w, ":") })
	}
	for _, c := range []string{"sub", "cat", "pub", "info", "stat", "verify", "repair", "rm", "readers rm", "readers add", "sub --name x"} {
		require.Equal(t, []string{dir + "/more/", numbers, other}, complete(c, dir+"/"), c)
		require.Equal(t, []string{numbers}, complete(c, dir+"/nu"), c)
	}
	require.Equal(t, []string{"archive\t9 records behind"}, complete("sub "+dir+"/numbers.ring --name", ""))
	require.Equal(t, []string{"archive\t9 records behind"}, complete("readers rm "+dir+"/numbers.ring", ""))
	require.Equal(t, []string{"lines", "nul", "u32le", "whole"}, complete("pub --framing", ""))
	require.Equal(t, []string{"text", "raw", "json", "hex", "u32le"}, complete("sub -o", ""))
	require.Equal(t, []string{"oldest", "newest", "next"}, complete("sub --from", ""))
	require.Equal(t, []string{"bash", "zsh", "fish", "powershell"}, complete("completion", ""))
	require.Contains(t, complete("", "st"), "stat\tsay how a ring stands now")
}

func TestCompletionWritesForFourShells(t *testing.T) {
	for shell, word := range map[string]string{"bash": "complete -o default -F __start_mmring mmring", "zsh": "#compdef mmring", "fish": "complete -c mmring", "powershell": "Register-ArgumentCompleter -CommandName 'mmring'"} {
		require.Contains(t, done(t, "completion", shell), word)
	}
	// What bash itself makes of it, with the two functions that it takes from the package bash-completion.
	r := shell(t, `
		mmring create $R --capacity 64KiB
		_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
		__ltrim_colon_completions() { :; }
		source <(mmring completion bash)
		set +eu
		COMP_WORDS=(mmring stat "$D/"); COMP_CWORD=2; COMP_LINE="mmring stat $D/"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
		__start_mmring
		[[ "${COMPREPLY[*]}" == "$R"* ]]`)
	require.Zero(t, r.code, r.said)
}
