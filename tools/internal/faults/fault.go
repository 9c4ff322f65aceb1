package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Kind says which command runs a fault's test.
type Kind string

// The kinds, by the word in the header.
const (
	Test  Kind = "test"  // go test ARGS
	Race  Kind = "race"  // go test -race ARGS
	Model Kind = "model" // modeltest ARGS
)

// A Fault is one file of testdata/bugs: comment lines that say what is wrong
// and name the test, and then the diff.
//
//	# the waiter that leaves forgets the value it was given
//	# test: -run 'TestCancelRace' .
//	# timeout: 20s
//	--- a/ticket.go
//	+++ b/ticket.go
//	@@ ...
type Fault struct {
	Name    string // of the file, without .diff
	What    string // what is wrong, in one sentence
	Kind    Kind
	Args    []string      // of the command
	Timeout time.Duration // for the test; 0 is the caller's default
	Diff    string
}

// Read reads a fault from a file.
func Read(name string) (*Fault, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	f.Name = strings.TrimSuffix(filepath.Base(name), ".diff")
	return f, nil
}

// Parse reads a fault. The header ends at the first line that does not begin
// with #.
func Parse(text string) (*Fault, error) {
	f := new(Fault)
	for {
		line, rest, _ := strings.Cut(text, "\n")
		body, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		if err := f.header(strings.TrimSpace(body)); err != nil {
			return nil, err
		}
		text = rest
	}
	f.Diff = text
	switch {
	case f.What == "":
		return nil, errors.New("the header does not say what is wrong")
	case f.Kind == "":
		return nil, errors.New("the header names no test: it wants a line that starts with test:, race: or model: and says how to run it")
	case strings.TrimSpace(f.Diff) == "":
		return nil, errors.New("no diff")
	}
	return f, nil
}

// header takes one header line.
func (f *Fault) header(line string) error {
	key, value, _ := strings.Cut(line, ":")
	switch Kind(key) {
	case Test, Race, Model:
		if f.Kind != "" {
			return errors.New("the header names two tests")
		}
		args, err := fields(value)
		if err != nil {
			return err
		}
		f.Kind, f.Args = Kind(key), args
		return nil
	case "timeout":
		d, err := time.ParseDuration(strings.TrimSpace(value))
		if err != nil || d <= 0 {
			return fmt.Errorf("timeout %q is not a duration above zero", strings.TrimSpace(value))
		}
		f.Timeout = d
		return nil
	}
	f.What = strings.TrimSpace(f.What + " " + line)
	return nil
}

// fields splits a command line at spaces; quotes, single or double, keep them
// and stand for nothing else.
func fields(s string) ([]string, error) {
	var out []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t' || r == '\r':
			if inWord {
				out = append(out, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("no closing quote in %q", s)
	}
	if inWord {
		out = append(out, word.String())
	}
	return out, nil
}
