package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// event is one line of go test -json, as cmd/test2json and `go help
// buildjson` describe it.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output and build-fail, in place of Package
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// A report turns the events of go test into a line for each package and one
// for the whole. It keeps the output of what has not ended, for a failure to
// show.
//
// A package that failed without a failed test in it (it does not compile, it
// panicked in an init function, TestMain found a leak) counts as one failure.
type report struct {
	w                       io.Writer
	passed, failed, skipped int
	packages                int
	open                    map[string]*pkg
	build                   map[string][]string // compiler output by import path
	skips                   map[skip][]string   // tests by package and reason
}

// A skip is why tests of a package were left out.
type skip struct{ pkg, reason string }

// pkg is a package whose tests run now.
type pkg struct {
	tests  int
	failed int
	output map[string][]string // by test; "" is the package itself
	shown  []string            // output of failed tests, in order of failure
}

func newReport(w io.Writer) *report {
	return &report{w: w, open: map[string]*pkg{}, build: map[string][]string{}, skips: map[skip][]string{}}
}

// read takes events until r ends. A line that is no event is passed on.
func (rep *report) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
				rep.add(e)
			} else {
				fmt.Fprint(rep.w, line)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (rep *report) add(e event) {
	switch e.Action {
	case "build-output":
		rep.build[e.ImportPath] = append(rep.build[e.ImportPath], e.Output)
		return
	case "build-fail":
		return
	}
	p := rep.open[e.Package]
	if p == nil {
		p = &pkg{output: map[string][]string{}}
		rep.open[e.Package] = p
	}
	switch {
	case e.Action == "output":
		p.output[e.Test] = append(p.output[e.Test], e.Output)
	case e.Test != "":
		rep.addTest(p, e)
	case e.Action == "pass" || e.Action == "fail" || e.Action == "skip":
		rep.addPackage(p, e)
		delete(rep.open, e.Package)
	}
}

func (rep *report) addTest(p *pkg, e event) {
	switch e.Action {
	case "pass":
		rep.passed++
	case "skip":
		rep.skipped++
		s := skip{e.Package, reason(p.output[e.Test])}
		rep.skips[s] = append(rep.skips[s], e.Test)
	case "fail":
		rep.failed++
		p.failed++
		p.shown = append(p.shown, p.output[e.Test]...)
	default:
		return
	}
	p.tests++
	delete(p.output, e.Test)
}

func (rep *report) addPackage(p *pkg, e event) {
	if e.Action == "skip" { // no test files
		return
	}
	rep.packages++
	if e.Action == "pass" {
		fmt.Fprintf(rep.w, "ok    %-60s %4d tests %7.2fs\n", e.Package, p.tests, e.Elapsed)
		return
	}
	fmt.Fprintf(rep.w, "FAIL  %-60s %4d tests %7.2fs\n", e.Package, p.tests, e.Elapsed)
	if p.failed == 0 {
		rep.failed++
	}
	rep.show(rep.build[e.FailedBuild])
	rep.show(p.shown)
	// Tests that never ended (the process died in them), then the package.
	own := p.output[""]
	delete(p.output, "")
	for _, test := range slices.Sorted(maps.Keys(p.output)) {
		rep.show(p.output[test])
	}
	rep.show(own)
}

func (rep *report) show(output []string) {
	for _, o := range output {
		fmt.Fprint(rep.w, "      ", o)
		if !strings.HasSuffix(o, "\n") {
			fmt.Fprintln(rep.w)
		}
	}
}

// position is where a test logged something.
var position = regexp.MustCompile(`^\S+\.go:\d+: `)

// reason finds what a skipped test said in its output.
func reason(output []string) string {
	for _, o := range output {
		o = strings.TrimSpace(o)
		if o != "" && !strings.HasPrefix(o, "===") && !strings.HasPrefix(o, "---") {
			return position.ReplaceAllString(o, "")
		}
	}
	return "no reason given"
}

// summary writes why tests were skipped, and the closing line.
func (rep *report) summary(modules int, d time.Duration) {
	byPackage := func(a, b skip) int {
		return cmp.Or(strings.Compare(a.pkg, b.pkg), strings.Compare(a.reason, b.reason))
	}
	for _, s := range slices.SortedFunc(maps.Keys(rep.skips), byPackage) {
		tests := rep.skips[s]
		slices.Sort(tests)
		names := strings.Join(tests[:min(3, len(tests))], ", ")
		if len(tests) > 3 {
			names += fmt.Sprintf(" and %d more", len(tests)-3)
		}
		fmt.Fprintf(rep.w, "skip  %s: %s: %s\n", s.pkg, s.reason, names)
	}
	verdict := "ok"
	if rep.failed > 0 {
		verdict = "FAIL"
	}
	fmt.Fprintf(rep.w, "%s: %d modules, %d packages; tests: %d passed, %d failed, %d skipped in %.1fs\n",
		verdict, modules, rep.packages, rep.passed, rep.failed, rep.skipped, d.Seconds())
}
