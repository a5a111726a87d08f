package examples_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// blocks returns the fenced blocks of the README in a language, in order.
func blocks(t *testing.T, language string) (texts []string) {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(b), -1) {
		texts = append(texts, m[1])
	}
	require.NotEmpty(t, texts)
	return texts
}

func TestTheReadmesProgramIsHello(t *testing.T) {
	source, err := os.ReadFile("hello/main.go")
	require.NoError(t, err)
	require.Equal(t, []string{string(source)}, blocks(t, "go"))
}

// The commands of the README in one shell, one after the other. Those of make and go start what other tests test: of them
// only the name has to be right.
func TestEveryCommandOfTheReadmeWorks(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	var script strings.Builder
	for line := range strings.Lines(strings.Join(blocks(t, "sh"), "")) {
		command, _, _ := strings.Cut(line, "#")
		switch words := strings.Fields(command); {
		case len(words) == 0:
		case words[0] == "make":
			require.Regexp(t, "(?m)^"+words[1]+":", string(makefile), line)
		case words[0] == "go":
			require.Equal(t, "run", words[1], line)
			require.DirExists(t, "../"+words[2], line)
		default:
			script.WriteString(line)
		}
	}
	out := run(t, script.String(), "./cmd/mmring")
	var said []string
	for line := range strings.Lines(out) {
		said = append(said, strings.TrimRight(line, " \n"))
	}
	picture := strings.Split(strings.TrimSpace(blocks(t, "text")[0]), "\n")
	require.Subset(t, said, picture, "what stat prints is not what the README shows:\n%s", out)
}
