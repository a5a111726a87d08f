package main_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the files of testdata anew")

// golden compares what a command wrote with the file of that name in testdata. What is different each time has the same
// value there: see volatile.
func golden(t *testing.T, name, path, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, path, "PATH")
	for _, v := range volatile {
		got = v.what.ReplaceAllString(got, v.with)
	}
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "go test -update writes it")
	require.Equal(t, string(want), got)
}

var volatile = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"uuid":"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"`), `"uuid":"UUID"`},
	{regexp.MustCompile(`"(created|since|time)":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`), `"$1":"TIME"`},
	{regexp.MustCompile(`"pid":[1-9]\d*`), `"pid":1`},
	{regexp.MustCompile(`"host":"[^"]+"`), `"host":"HOST"`},
	{regexp.MustCompile(`"records_per_s":[\d.e+]+,"bytes_per_s":[\d.e+]+,"readers"`), `"records_per_s":0,"bytes_per_s":0,"readers"`},
	{regexp.MustCompile(`"blocked_ns":[1-9]\d*`), `"blocked_ns":1`},
	{regexp.MustCompile(`"waits":\d+`), `"waits":1`},
	{regexp.MustCompile(`"version":"[^"]+","commit":"[^"]+"(.*)"go":"go[^"]+","system":"\w+/\w+"`), `"version":"VERSION","commit":"COMMIT"$1"go":"GO","system":"SYSTEM"`},

	{regexp.MustCompile(`(?m)^uuid( +)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), `uuid${1}UUID`},
	{regexp.MustCompile(`(?m)^created( +)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$`), `created${1}TIME`},
	{regexp.MustCompile(`process \d+ \(mmring on \S+\)( for \d+m?s)?`), `process N (mmring on HOST)$1`},
	{regexp.MustCompile(`for \d+s\n`), "for 0s\n"},
	{regexp.MustCompile(`(?m)^blocked( +)for \w+:`), "blocked${1}for 0s:"},
	{regexp.MustCompile(`(?m)^rate .*records/s, .*B/s$`), `rate       0 records/s, 0 B/s`},
	{regexp.MustCompile(`(durable|ephemeral|\)  member)( +)[1-9]\d*( +)`), `${1}${2}N   `},
	{regexp.MustCompile(`, [\d.]+ [nmu]?s together,`), `, 1 s together,`},
}
