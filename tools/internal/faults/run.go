package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/interlock/tools/internal/gotest"
	"example.com/interlock/tools/internal/modelrun"
)

// A trial is one run of a fault's test, with or without the fault.
type trial struct {
	kind    Kind
	args    []string
	dir     string            // the module
	overlay map[string][]byte // nil: the sources as they are
	timeout time.Duration
}

// A result says how a trial ended.
type result struct {
	failed   []string // the tests that failed, outermost only
	passed   int
	timedOut bool
	output   string
}

func (r result) ok() bool { return len(r.failed) == 0 && !r.timedOut }

// run runs a trial. An error says that the test could not be judged: nothing
// compiled, nothing ran, or the command is wrong.
func (t trial) run(ctx context.Context) (result, error) {
	// The test binary ends itself at the timeout. What is above it is for the
	// build, and for a binary that does not even do that.
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout+5*time.Minute, errors.New("the command did not end"))
	defer cancel()
	if t.kind == Model {
		return t.model(ctx)
	}
	return t.goTest(ctx)
}

func (t trial) goTest(ctx context.Context) (result, error) {
	tmp, err := os.MkdirTemp("", "bugs")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(tmp)
	overlay, err := writeOverlay(tmp, t.overlay)
	if err != nil {
		return result{}, err
	}
	args := []string{"test", "-json", "-vet=off", "-timeout=" + t.timeout.String(), "-overlay=" + overlay}
	if t.kind == Race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, t.args...)...)
	cmd.Dir = t.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return result{}, err
	}
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	var j judge
	err = errors.Join(gotest.Read(stdout, j.event), cmd.Wait())
	if ctx.Err() != nil {
		return result{}, context.Cause(ctx)
	}
	return j.verdict(err, stderr.String())
}

// writeOverlay writes the overlay file of the go command.
func writeOverlay(tmp string, files map[string][]byte) (string, error) {
	replace := make(map[string]string)
	for name, text := range files {
		if text == nil {
			replace[name] = ""
			continue
		}
		to := filepath.Join(tmp, fmt.Sprintf("%d-%s", len(replace), filepath.Base(name)))
		if err := os.WriteFile(to, text, 0o666); err != nil {
			return "", err
		}
		replace[name] = to
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(tmp, "overlay.json")
	return name, os.WriteFile(name, text, 0o666)
}

// A judge follows the events of go test.
type judge struct {
	result
	out      strings.Builder
	noBuild  bool
	anything bool // a test began
	broken   bool // a test or a package failed, perhaps outside its tests
}

func (j *judge) event(e gotest.Event) {
	j.out.WriteString(e.Output)
	j.timedOut = j.timedOut || gotest.TimedOut(e.Output)
	switch e.Action {
	case "build-fail":
		j.noBuild = true
	case "run":
		j.anything = true
	case "pass":
		if e.Test != "" {
			j.passed++
		}
	case "fail":
		j.noBuild = j.noBuild || e.FailedBuild != ""
		j.broken = true
		if e.Test != "" && !strings.Contains(e.Test, "/") && !slices.Contains(j.failed, e.Test) {
			j.failed = append(j.failed, e.Test)
		}
	}
}

// verdict turns what was seen and how the command ended into a result.
func (j *judge) verdict(err error, stderr string) (result, error) {
	r := j.result
	r.output = j.out.String()
	switch {
	case j.noBuild:
		return r, fmt.Errorf("does not compile\n%s", r.output)
	case !j.anything:
		return r, fmt.Errorf("no test ran\n%s%s", stderr, r.output)
	case err == nil:
		return r, nil
	case !j.broken:
		return r, fmt.Errorf("%w\n%s%s", err, stderr, r.output)
	case r.ok():
		r.failed = []string{"the test binary"} // it died between tests
	}
	return r, nil
}

// model runs modeltest in this process, with the fault under the rewriter.
func (t trial) model(ctx context.Context) (result, error) {
	var out bytes.Buffer
	o := modelrun.Options{Dir: t.dir, Overlay: t.overlay, Timeout: t.timeout, Stdout: &out, Stderr: &out}
	f := flag.NewFlagSet("model", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	o.Flags(f)
	if err := f.Parse(t.args); err != nil {
		return result{}, fmt.Errorf("model: %w", err)
	}
	if o.Timeout == 0 {
		o.Timeout = t.timeout
	}
	o.Patterns = f.Args()
	err := modelrun.Run(ctx, o)
	r := result{output: out.String()}
	for line := range strings.Lines(r.output) {
		r.timedOut = r.timedOut || gotest.TimedOut(line)
		if name, ok := strings.CutPrefix(line, "FAIL  "); ok {
			name, _, _ = strings.Cut(strings.TrimSpace(name), "/")
			if !slices.Contains(r.failed, name) {
				r.failed = append(r.failed, name)
			}
		}
	}
	switch {
	case errors.Is(err, modelrun.ErrFailed):
		if r.ok() {
			r.failed = []string{"the scenario"}
		}
		return r, nil
	case err != nil:
		return r, err
	}
	r.passed = 1
	return r, nil
}
