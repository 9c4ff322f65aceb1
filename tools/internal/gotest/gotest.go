// Package gotest reads what go test -json prints.
package gotest

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
)

// An Event is one line of go test -json, as cmd/test2json and go help buildjson
// describe it. Test is empty in events of the package as a whole.
type Event struct {
	Action, Package, Test, Output, FailedBuild string
	Elapsed                                    float64 // seconds
}

// Read calls f with each event until r ends. A line that is no event, which the
// go command prints when it fails early, comes as the output of an event
// without an Action.
func Read(r io.Reader, f func(Event)) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e Event
			if json.Unmarshal(line, &e) != nil {
				e = Event{Output: string(line)}
			}
			f(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// IsFrame reports whether an output line is one that go test puts around what
// a test prints.
func IsFrame(line string) bool {
	t := strings.TrimSpace(line)
	for _, p := range []string{"=== ", "--- PASS", "--- FAIL", "--- SKIP"} {
		if strings.HasPrefix(t, p) {
			return true
		}
	}
	return t == "PASS" || t == "FAIL" || strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t")
}

// TimedOut reports whether an output line is how a test binary ends that ran
// out of time.
func TimedOut(line string) bool { return strings.HasPrefix(line, "panic: test timed out after ") }
