package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/mmring/mmring/ring"
)

// recordFormats are the ways to write a record: each appends it to b.
var recordFormats = map[string]func(b []byte, rec *ring.Record, lost uint64) []byte{
	"text":  textRecord,
	"raw":   rawRecord,
	"json":  jsonRecord,
	"hex":   hexRecord,
	"u32le": prefixedRecord,
}

func textRecord(b []byte, rec *ring.Record, _ uint64) []byte {
	return append(append(b, rec.Payload...), '\n')
}

func rawRecord(b []byte, rec *ring.Record, _ uint64) []byte { return append(b, rec.Payload...) }

func prefixedRecord(b []byte, rec *ring.Record, _ uint64) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(rec.Payload))), rec.Payload...)
}

func hexRecord(b []byte, rec *ring.Record, _ uint64) []byte {
	b = fmt.Appendf(b, "record %d, tag %d, %d bytes\n", rec.Seq, rec.Tag, len(rec.Payload))
	return append(b, hex.Dump(rec.Payload)...)
}

// recordJSON is a record as -o json writes it.
type recordJSON struct {
	V       int     `json:"v"`
	Seq     uint64  `json:"seq"`
	Tag     uint16  `json:"tag"`
	Size    int     `json:"size"`
	Payload *string `json:"payload,omitempty"`
	Base64  *string `json:"payload_b64,omitempty"`
	Time    string  `json:"time,omitempty"`
	Lost    uint64  `json:"lost,omitempty"`
}

func jsonRecord(b []byte, rec *ring.Record, lost uint64) []byte {
	j := recordJSON{V: 1, Seq: rec.Seq, Tag: rec.Tag, Size: len(rec.Payload), Lost: lost}
	if utf8.Valid(rec.Payload) {
		s := string(rec.Payload)
		j.Payload = &s
	} else {
		s := base64.StdEncoding.EncodeToString(rec.Payload)
		j.Base64 = &s
	}
	if t := rec.Time(); !t.IsZero() {
		j.Time = t.UTC().Format(time.RFC3339Nano)
	}
	out := bytes.NewBuffer(b)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	_ = e.Encode(j) // strings and numbers into memory: nothing can fail
	return out.Bytes()
}
