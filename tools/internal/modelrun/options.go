package modelrun

import (
	"flag"
	"io"
	"strings"
	"time"
)

// Options says what to run and how. Zero values are the defaults of the
// command.
type Options struct {
	Dir       string   // where the patterns are resolved
	Patterns  []string // packages; none means "."
	Scenarios string   // folder of *_test.go.txt; "" is testdata/model of each package
	Also      []string // further packages to rewrite, as paths or path/...
	Sched     string   // folder of the module tools/sched; "" finds it
	Out       string   // folder to write the rewritten files to, instead of running them

	WithTests bool // the package's own tests too
	Race      bool
	Verbose   bool
	Keep      bool // keep the temporary files and say where
	Stub      bool // a function that is refused panics instead

	// Overlay replaces files of the packages, scenarios among them, before they
	// are rewritten, by absolute name. A nil text removes a file.
	Overlay map[string][]byte

	Run     string        // which tests, as for go test
	Time    time.Duration // limit for each scenario; 0 is sched's
	Timeout time.Duration // limit for the whole test binary; 0 is go test's
	Replay  string        // a schedule to run again

	Stdout, Stderr io.Writer
}

// Flags declares the flags of the command in f.
func (o *Options) Flags(f *flag.FlagSet) {
	f.BoolVar(&o.Race, "race", false, "build with the race detector, which then sees only the edges that the code itself makes")
	f.StringVar(&o.Run, "run", "", "run the scenarios that match this `regexp`, as for go test")
	f.DurationVar(&o.Time, "time", 0, "give each scenario at most this much time (0: the scheduler's default)")
	f.StringVar(&o.Replay, "replay", "", "run one `schedule` again, as a failure printed it; use it with -run")
	f.BoolVar(&o.Verbose, "v", false, "print all that the tests print")
	f.BoolVar(&o.WithTests, "with-tests", false, "run the package's own _test.go files too, rewritten, outside any exploration")
	f.StringVar(&o.Scenarios, "scenarios", "", "take the scenarios from this `folder` instead of the package's testdata/model")
	f.Func("also", "rewrite this package too, a `path` or path/... (repeatable); packages of the same module always are", func(p string) error {
		o.Also = append(o.Also, strings.Split(p, ",")...)
		return nil
	})
	f.BoolVar(&o.Stub, "stub", false, "let a function that is refused panic when it is called, instead of refusing its package")
	f.DurationVar(&o.Timeout, "timeout", 0, "end the test binary after this time (0: go test's default)")
	f.StringVar(&o.Out, "o", "", "write the rewritten files to this `folder` and run nothing")
	f.BoolVar(&o.Keep, "work", false, "keep the temporary files and print where they are")
	f.StringVar(&o.Sched, "sched", "", "use the module tools/sched in this `folder` (default: the one modeltest was built with)")
}
