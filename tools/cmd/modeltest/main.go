// Modeltest runs the scenarios of a package on the model of tools/sched: every
// interleaving of their tasks, with the package's own code, unchanged.
//
//	modeltest [flags] [packages]
//
// It type-checks the package, rewrites a copy of its sources and of its
// scenarios (testdata/model/*_test.go.txt, plain Go) so that goroutines,
// channels, locks, atomics, contexts and timers are the scheduler's, and runs
// go test on the copy through an overlay. The package needs no build tag, no
// interface to swap and no requirement in its go.mod. Positions in reports are
// those of the original files.
//
// What cannot be rewritten without a change of meaning is refused with its file
// and line.
//
// The exit status is 0 when every scenario was explored completely and held, 1
// when one failed, 2 when nothing could be run: wrong usage, or code that is
// refused.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"example.com/interlock/tools/internal/modelrun"
	"example.com/interlock/tools/internal/rewrite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, "", os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `usage: modeltest [flags] [packages]

Runs the scenarios of each package, testdata/model/*_test.go.txt, over every
interleaving of their tasks. Without packages it takes the one in this folder.

`

// run is main in the folder dir; "" is the current one.
func run(ctx context.Context, dir string, args []string, stdout, stderr io.Writer) int {
	o := modelrun.Options{Dir: dir, Stdout: stdout, Stderr: stderr}
	f := flag.NewFlagSet("modeltest", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
	}
	o.Flags(f)
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	o.Patterns = f.Args()
	return status(modelrun.Run(ctx, o), stderr)
}

// status prints err and gives the exit status for it.
func status(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, modelrun.ErrFailed) {
		return 1
	}
	if refused, ok := rewrite.IsRefused(err); ok {
		for _, r := range refused {
			fmt.Fprintf(stderr, "%s\n", r)
		}
		fmt.Fprintf(stderr, "modeltest: refused: %d constructs cannot be rewritten faithfully\n", len(refused))
		return 2
	}
	fmt.Fprintf(stderr, "modeltest: %v\n", err)
	return 2
}
