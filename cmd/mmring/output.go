package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag with one of a few words.
type choice struct {
	word    string
	allowed []string
}

func oneOf(words ...string) choice { return choice{words[0], words} }

func (c *choice) String() string { return c.word }
func (c *choice) Type() string   { return strings.Join(c.allowed, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("must be one of %s", strings.Join(c.allowed, ", "))
	}
	c.word = s
	return nil
}

// outputFlag adds -o with text and json.
func outputFlag(c *cobra.Command) *choice {
	o := oneOf("text", "json")
	c.Flags().VarP(&o, "output", "o", "how to write it")
	return &o
}

// writeJSON writes v as one line.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeText writes a text that is composed before: it arrives whole or not at all.
func writeText(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}
