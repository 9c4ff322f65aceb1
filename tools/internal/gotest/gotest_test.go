package gotest

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	const text = `{"Action":"run","Package":"p","Test":"TestA"}
go: no such tool
{"Action":"output","Package":"p","Test":"TestA","Output":"hello\n"}
{"Action":"fail","Package":"p","Elapsed":1.5,"FailedBuild":"p"}`
	var got []Event
	if err := Read(strings.NewReader(text), func(e Event) { got = append(got, e) }); err != nil {
		t.Fatal(err)
	}
	want := []Event{
		{Action: "run", Package: "p", Test: "TestA"},
		{Output: "go: no such tool\n"},
		{Action: "output", Package: "p", Test: "TestA", Output: "hello\n"},
		{Action: "fail", Package: "p", Elapsed: 1.5, FailedBuild: "p"},
	}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestReadError(t *testing.T) {
	boom := errors.New("boom")
	n := 0
	r := io.MultiReader(strings.NewReader("{\"Action\":\"run\"}\n"), iotest.ErrReader(boom))
	if err := Read(r, func(Event) { n++ }); err != boom || n != 1 {
		t.Errorf("error %v after %d events", err, n)
	}
}

func TestLines(t *testing.T) {
	for line, want := range map[string]bool{
		"=== RUN   TestA\n":               true,
		"    --- PASS: TestA/b (0.00s)\n": true,
		"--- FAIL: TestA (0.00s)\n":       true,
		"PASS\n":                          true,
		"ok  \tp\t0.1s\n":                 true,
		"FAIL\tp\t0.1s\n":                 true,
		"    a_test.go:1: PASS it on\n":   false,
		"failure\n":                       false,
	} {
		if IsFrame(line) != want {
			t.Errorf("IsFrame(%q) is %v", line, !want)
		}
	}
	if !TimedOut("panic: test timed out after 3s\n") || TimedOut("    panic: test timed out after 3s") {
		t.Error("TimedOut does not know the end of a test binary")
	}
}
