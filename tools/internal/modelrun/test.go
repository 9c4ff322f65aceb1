package modelrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"example.com/interlock/tools/internal/gotest"
)

// test runs go test on the rewritten package and reports what it did.
func (s *session) test(ctx context.Context, t *target, overlay string) error {
	args := []string{"test", "-json", "-vet=off", "-count=1", "-overlay=" + overlay}
	if s.o.Race {
		args = append(args, "-race")
	}
	if s.o.Run != "" {
		args = append(args, "-run="+s.o.Run)
	}
	if s.o.Timeout != 0 {
		args = append(args, "-timeout="+s.o.Timeout.String())
	}
	args = append(args, t.path)
	cmd := s.goCmd.command(ctx, args...)
	cmd.Env = append(cmd.Env, s.schedEnv()...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r := report{s: s, t: t, lines: make(map[string][]string), parents: make(map[string]bool)}
	err = errors.Join(gotest.Read(stdout, r.event), cmd.Wait())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.broken {
		return fmt.Errorf("%s: the rewritten package does not compile: a limit of modeltest (-work keeps the files)\n%s", t.path, r.text(""))
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && r.ran:
		return ErrFailed
	case err != nil:
		return fmt.Errorf("go test: %w\n%s%s", err, stderr.String(), r.text(""))
	case !r.ran:
		return fmt.Errorf("%s: no scenario matches %q", t.path, s.o.Run)
	}
	return nil
}

// schedEnv passes what the runtime reads.
func (s *session) schedEnv() []string {
	var env []string
	if s.o.Time != 0 {
		env = append(env, "SCHED_TIME="+s.o.Time.String())
	}
	if s.o.Replay != "" {
		env = append(env, "SCHED_REPLAY="+s.o.Replay)
	}
	return env
}

// A report turns the events of one run into lines for a person: one for each
// scenario that passed, all that was said for one that failed.
type report struct {
	s           *session
	t           *target
	lines       map[string][]string // output by test; "" is the package's
	parents     map[string]bool     // tests whose subtests have had their lines
	ran, broken bool
}

func (r *report) event(e gotest.Event) {
	switch e.Action {
	case "output", "build-output", "":
		r.output(e)
	case "build-fail":
		r.broken = true
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.end(e)
			return
		}
		r.ran = true
		r.result(e)
	}
}

func (r *report) output(e gotest.Event) {
	text := r.tidy(e.Output)
	if r.s.o.Verbose && e.Action == "output" {
		fmt.Fprint(r.s.o.Stdout, text)
	}
	r.lines[e.Test] = append(r.lines[e.Test], text)
}

// tidy makes the names of files relative to the caller's folder.
func (r *report) tidy(text string) string {
	text = strings.ReplaceAll(text, r.s.o.Dir+string(filepath.Separator), "")
	return text
}

// result reports one test. Subtests are part of their parent's line.
func (r *report) result(e gotest.Event) {
	said := r.lines[e.Test]
	delete(r.lines, e.Test)
	if r.s.o.Verbose {
		return
	}
	if e.Action == "fail" {
		fmt.Fprintf(r.s.o.Stdout, "FAIL  %s\n%s", e.Test, strings.Join(framed(said), ""))
		return
	}
	lines := logLines(said)
	if parent, _, ok := strings.Cut(e.Test, "/"); ok {
		r.parents[parent] = true
	}
	if len(lines) == 0 && !r.parents[e.Test] {
		lines = []string{fmt.Sprintf("%s (%v)", e.Action, time.Duration(e.Elapsed*float64(time.Second)))}
	}
	for _, l := range lines {
		if strings.HasPrefix(l, e.Test) {
			fmt.Fprintf(r.s.o.Stdout, "ok    %s\n", l)
		} else {
			fmt.Fprintf(r.s.o.Stdout, "ok    %s: %s\n", e.Test, l)
		}
	}
}

// end reports what the package said outside its tests, when it failed: a panic,
// a timeout, a build error.
func (r *report) end(e gotest.Event) {
	if e.FailedBuild != "" {
		r.broken = true
	}
	if e.Action == "fail" && !r.broken && !r.s.o.Verbose {
		fmt.Fprint(r.s.o.Stdout, r.text(""))
	}
}

func (r *report) text(test string) string { return strings.Join(framed(r.lines[test]), "") }

// framed drops the lines that go test adds around each test.
func framed(lines []string) []string {
	var out []string
	for _, l := range lines {
		if !gotest.IsFrame(l) {
			out = append(out, l)
		}
	}
	return out
}

// logLines returns what a passing test logged, without the positions of the
// calls to Log.
func logLines(lines []string) []string {
	var out []string
	for _, l := range framed(lines) {
		l = strings.TrimSpace(l)
		if at, rest, ok := strings.Cut(l, ": "); ok && strings.Contains(at, ".go") && !strings.Contains(at, " ") {
			l = rest
		}
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}
