package ring_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// exampleSize is the size of the file in the worked example of docs/format.md.
const exampleSize = 131072

// exampleFile returns the file that the hex block of docs/format.md describes, and which bytes the block gives.
func exampleFile(t *testing.T) (file []byte) {
	t.Helper()
	doc, err := os.ReadFile("../docs/format.md")
	require.NoError(t, err)
	file = make([]byte, exampleSize)
	blocks := strings.Split(string(doc), "\n```hex\n")[1:]
	require.NotEmpty(t, blocks, "docs/format.md has no hex block")
	for _, block := range blocks {
		block, _, ok := strings.Cut(block, "\n```\n")
		require.True(t, ok, "a hex block has no end")
		for line := range strings.Lines(block) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), ";")
			at, digits, ok := strings.Cut(line, "  ")
			require.True(t, ok, "%q is not: offset, two spaces, bytes", line)
			off, err := strconv.ParseInt(at, 16, 64)
			require.NoError(t, err, line)
			b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(digits), " ", ""))
			require.NoError(t, err, line)
			require.Len(t, b, 16, line)
			require.LessOrEqual(t, off+16, int64(exampleSize), line)
			require.Equal(t, make([]byte, 16), file[off:off+16], "%q is given twice", line)
			copy(file[off:], b)
		}
	}
	return file
}

func TestTheDocumentedFileIsARing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example.ring")
	require.NoError(t, os.WriteFile(path, exampleFile(t), 0o600))
	ctx := context.Background()
	o, err := ring.Observe(ctx, path, ring.ObserverOptions{From: ring.Oldest, AllowFS: true})
	require.NoError(t, err)
	defer o.Close()
	for _, want := range []struct {
		seq     uint64
		tag     uint16
		payload string
	}{{1, 7, "hello"}, {2, 0, ""}} {
		rec, err := o.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, want.seq, rec.Seq)
		require.Equal(t, want.tag, rec.Tag)
		require.Equal(t, want.payload, string(rec.Payload))
		require.Zero(t, rec.Lost)
	}
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Equal(t, "00112233-4455-4677-8899-aabbccddeeff", info.UUID)
	require.Equal(t, "2026-01-02 03:04:05 +0000 UTC", info.Created.UTC().String())
	require.Equal(t, uint64(48), info.Published)
	require.Equal(t, uint64(3), info.NextSeq)
	report, err := ring.Verify(path)
	require.NoError(t, err)
	require.Empty(t, report.Faults)
}

// varying are the fields of the example that differ from ring to ring and from run to run: offset and size.
var varying = map[string][2]int{
	"header checksum": {16, 4},
	"creation time":   {112, 8},
	"uuid":            {120, 16},
	"boot id":         {5008, 16},
	"device, inode":   {5024, 16},
	"fenceless":       {5040, 4},
	"people":          {5120, 128},
}

func TestTheDocumentedFileIsWhatTheLibraryWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made.ring")
	ctx := context.Background()
	require.NoError(t, ring.Create(path, ring.Config{Capacity: 65536, AllowFS: true}))
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{AllowFS: true})
	require.NoError(t, err)
	_, err = w.PublishTagged(ctx, 7, []byte("hello"))
	require.NoError(t, err)
	_, err = w.Publish(ctx, nil)
	require.NoError(t, err)
	require.NoError(t, w.Close())

	made, err := os.ReadFile(path)
	require.NoError(t, err)
	want := exampleFile(t)
	require.Len(t, made, len(want))
	for name, f := range varying {
		require.NotEqual(t, make([]byte, f[1]), want[f[0]:f[0]+f[1]], "the example has no %s", name)
		clear(made[f[0] : f[0]+f[1]])
		clear(want[f[0] : f[0]+f[1]])
	}
	for off := 0; off < len(want); off += 16 {
		if !bytes.Equal(want[off:off+16], made[off:off+16]) {
			t.Errorf("%06x  % x in docs/format.md\n%06x  % x as written", off, want[off:off+16], off, made[off:off+16])
		}
	}
}

// constantsOf returns the values of a source file's constants that keep accepts.
func constantsOf(t *testing.T, name string, keep func(string) bool) map[string]string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, nil, 0)
	require.NoError(t, err)
	info := types.Info{Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: importer.Default(), Error: func(error) {}} // what other files declare is missing here
	_, _ = conf.Check("ring", fset, []*ast.File{file}, &info)
	values := map[string]string{}
	for ident, object := range info.Defs {
		c, ok := object.(*types.Const)
		if !ok || !keep(ident.Name) || c.Parent() != c.Pkg().Scope() {
			continue
		}
		v := c.Val()
		require.Equal(t, constant.Int, v.Kind(), ident.Name)
		values[ident.Name] = v.ExactString()
	}
	require.NotEmpty(t, values)
	return values
}

func TestTheDocumentedConstantsAreThoseOfTheCode(t *testing.T) {
	code := constantsOf(t, "format.go", func(string) bool { return true })
	doc := map[string]string{}
	for _, row := range tableRows(t, "format.md", "## Constants", "") {
		for i := 0; i+1 < len(row); i += 2 {
			if name := strings.Trim(row[i], "`"); name != "" && name != "name" {
				require.NotContains(t, doc, name)
				doc[name] = decimal(t, row[i+1])
			}
		}
	}
	require.Equal(t, code, doc)
}

func TestTheDocumentedFieldsAreThoseOfTheCode(t *testing.T) {
	code := constantsOf(t, "format.go", func(n string) bool {
		isSlotField := strings.HasPrefix(n, "slot") && n != "slotSize" && n != "slotsStart" && n != "slotNameSize"
		return strings.HasPrefix(n, "off") || strings.HasPrefix(n, "mode") || isSlotField
	})
	doc := map[string]string{}
	for _, section := range []struct {
		from, to string
		end      int // of what the table describes
	}{
		{"## Header", "## Record", 4096},
		{"## Counters", "### Statistics", 12288},
		{"## Slots", "## Locks", 128},
	} {
		free := 0 // end of the field before
		for _, row := range tableRows(t, "format.md", section.from, section.to) {
			number, err := strconv.Atoi(row[0])
			if err != nil {
				continue // the titles of the columns
			}
			if name := strings.Trim(row[1], "`"); strings.HasPrefix(name, "mode") {
				doc[name] = fmt.Sprint(1 << number)
				continue
			}
			size, err := strconv.Atoi(row[1])
			require.NoError(t, err, row)
			require.GreaterOrEqual(t, number, free, "%s overlaps the field before", row[2])
			free = number + size
			doc[strings.Trim(row[2], "`")] = row[0]
		}
		require.LessOrEqual(t, free, section.end, section.from)
	}
	require.Equal(t, code, doc)
}

func TestTheDocumentedStatisticsAreThoseOfTheCode(t *testing.T) {
	code := constantsOf(t, "stats.go", func(n string) bool { return strings.HasPrefix(n, "stat") && n != "statWords" })
	doc := map[string]string{}
	for _, row := range tableRows(t, "format.md", "### Statistics", "## Stride index")[1:] {
		off, err := strconv.Atoi(row[0])
		require.NoError(t, err)
		doc[strings.Trim(row[1], "`")] = fmt.Sprint((off - 5376) / 8)
	}
	require.Equal(t, code, doc)
}

// decimal turns a number of the document, decimal or 0x..., into what go/constant prints.
func decimal(t *testing.T, s string) string {
	t.Helper()
	v := constant.MakeFromLiteral(strings.Trim(s, "`"), token.INT, 0)
	require.Equal(t, constant.Int, v.Kind(), s)
	return v.ExactString()
}
