// Bugs puts each seeded fault of a module into its sources and demands that the
// test which the fault names notices it.
//
//	bugs [flags] MODULE-FOLDER...
//
// The faults are MODULE/testdata/bugs/*.diff. Each begins with a header:
//
//	# what is wrong, in one sentence
//	# test: -run 'TestX' .        ordinary go test arguments, or
//	# race: -run 'TestX' .        with the race detector, or
//	# model: -run 'TestModelX'    arguments of modeltest
//	# timeout: 20s                optional: a fault that hangs is killed by then
//
// and goes on as a unified diff against the module's folder. The diff is applied
// through an overlay, strictly: the tree is never touched, and a diff whose
// context has moved is an error. The test must pass without the fault and fail,
// or hang, with it. A fault that does not compile is an error, not a kill.
//
// One line per fault and a total are printed. The exit status is 0 when every
// fault was killed, 1 when one survived, 2 when one could not be judged.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"time"

	"example.com/interlock/tools/internal/faults"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var s faults.Suite
	f := flag.NewFlagSet("bugs", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, "usage: bugs [flags] MODULE-FOLDER...\n\nDemands that each seeded fault, testdata/bugs/*.diff, makes its test fail.\n\n")
		f.PrintDefaults()
	}
	f.IntVar(&s.Parallel, "p", min(4, runtime.NumCPU()), "run this `many` faults at once")
	f.DurationVar(&s.Timeout, "timeout", time.Minute, "count a test as hanging after this time, unless the fault says otherwise")
	verbose := f.Bool("v", false, "print what the tests with the faults printed")
	f.Func("run", "take only the faults whose names match this `regexp`", func(text string) (err error) {
		s.Match, err = regexp.Compile(text)
		return err
	})
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if f.NArg() == 0 {
		f.Usage()
		return 2
	}
	s.Report = func(o faults.Outcome) { report(stdout, o, *verbose) }
	code := 0
	for _, dir := range f.Args() {
		code = max(code, module(ctx, &s, dir, stdout, stderr))
	}
	return code
}

// module runs the faults of one module and returns its exit status.
func module(ctx context.Context, s *faults.Suite, dir string, stdout, stderr io.Writer) int {
	total, killed, errs, err := s.Run(ctx, dir)
	if err != nil {
		fmt.Fprintf(stderr, "bugs: %s: %v\n", dir, err)
		return 2
	}
	if total == 0 {
		fmt.Fprintf(stderr, "bugs: %s: no faults to run in testdata/bugs\n", dir)
		return 2
	}
	fmt.Fprintf(stdout, "%s: %d faults, %d killed, %d survived, %d errors\n", dir, total, killed, total-killed-errs, errs)
	switch {
	case errs > 0:
		return 2
	case killed < total:
		return 1
	}
	return 0
}

func report(w io.Writer, o faults.Outcome, verbose bool) {
	switch {
	case o.Err != nil:
		text := strings.TrimRight(o.Err.Error(), "\n")
		fmt.Fprintf(w, "ERROR     %s: %s\n", o.Name, strings.ReplaceAll(text, "\n", "\n          "))
		return
	case o.Killed:
		fmt.Fprintf(w, "killed    %s  by %s  %.1fs\n", o.Name, o.By, o.Took.Seconds())
	default:
		fmt.Fprintf(w, "SURVIVED  %s  %.1fs: %s\n", o.Name, o.Took.Seconds(), o.Summary)
	}
	if verbose {
		fmt.Fprint(w, o.Output)
	}
}
