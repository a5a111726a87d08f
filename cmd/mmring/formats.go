package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/mmring/mmring/ring"
)

// recordFormats are the ways to write a record: each appends it to b.
var recordFormats = map[string]func(b []byte, rec *ring.Record, x remark) []byte{
	"text":  textRecord,
	"raw":   rawRecord,
	"json":  jsonRecord,
	"hex":   hexRecord,
	"u32le": prefixedRecord,
}

func textRecord(b []byte, rec *ring.Record, _ remark) []byte {
	return append(append(b, rec.Payload...), '\n')
}

func rawRecord(b []byte, rec *ring.Record, _ remark) []byte { return append(b, rec.Payload...) }

func prefixedRecord(b []byte, rec *ring.Record, _ remark) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(rec.Payload))), rec.Payload...)
}

func hexRecord(b []byte, rec *ring.Record, _ remark) []byte {
	b = fmt.Appendf(b, "record %d, tag %d, %d bytes\n", rec.Seq, rec.Tag, len(rec.Payload))
	return append(b, hex.Dump(rec.Payload)...)
}

// jsonRecord appends a line such as {"v":1,"seq":7,"tag":0,"size":5,"payload":"hello"}.
func jsonRecord(b []byte, rec *ring.Record, x remark) []byte {
	b = strconv.AppendUint(append(b, `{"v":1,"seq":`...), rec.Seq, 10)
	b = strconv.AppendUint(append(b, `,"tag":`...), uint64(rec.Tag), 10)
	b = strconv.AppendUint(append(b, `,"size":`...), uint64(len(rec.Payload)), 10)
	if utf8.Valid(rec.Payload) {
		b = jsonString(append(b, `,"payload":`...), rec.Payload)
	} else {
		b = base64.StdEncoding.AppendEncode(append(b, `,"payload_b64":"`...), rec.Payload)
		b = append(b, '"')
	}
	if t := rec.Time(); !t.IsZero() {
		b = t.UTC().AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano)
		b = append(b, '"')
	}
	if x.lost > 0 {
		b = strconv.AppendUint(append(b, `,"lost":`...), x.lost, 10)
	}
	if x.delivery > 1 {
		b = strconv.AppendInt(append(b, `,"delivery":`...), int64(x.delivery), 10)
	}
	return append(b, "}\n"...)
}

// jsonString appends valid UTF-8 in quotes: what JSON forbids in a string is escaped, and nothing else.
func jsonString(b, text []byte) []byte {
	b = append(b, '"')
	start := 0 // of what is not appended yet
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'u', '0', '0', "01"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return append(append(b, text[start:]...), '"')
}
