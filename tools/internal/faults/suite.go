package faults

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// An Outcome is what became of one fault.
type Outcome struct {
	Name    string
	Killed  bool
	By      string        // the tests that noticed it, or "timeout"
	Err     error         // the fault could not be judged
	Took    time.Duration // with the fault
	Output  string        // of the test with the fault
	Summary string        // what is wrong, from the header
}

// A Suite runs the faults of modules.
type Suite struct {
	Parallel int            // faults at once; 0 is 1
	Timeout  time.Duration  // for each test; 0 is a minute
	Match    *regexp.Regexp // names of faults; nil is all
	// Report is called with each outcome, in the order of names.
	Report func(Outcome)

	mu    sync.Mutex
	clean map[string]*baseline // by module and test
}

// A baseline is the run of a test without any fault, made once.
type baseline struct {
	once sync.Once
	err  error
}

// Run runs the faults in dir/testdata/bugs and returns how many there were, how
// many were killed, and how many could not be judged.
func (s *Suite) Run(ctx context.Context, dir string) (total, killed, errs int, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return 0, 0, 0, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "testdata", "bugs", "*.diff"))
	if err != nil {
		return 0, 0, 0, err
	}
	slices.Sort(files)
	if s.Match != nil {
		files = slices.DeleteFunc(files, func(name string) bool {
			return !s.Match.MatchString(strings.TrimSuffix(filepath.Base(name), ".diff"))
		})
	}
	for o := range s.outcomes(ctx, dir, files) {
		total++
		switch {
		case o.Err != nil:
			errs++
		case o.Killed:
			killed++
		}
		if s.Report != nil {
			s.Report(o)
		}
	}
	return total, killed, errs, context.Cause(ctx)
}

// outcomes judges the files, some at once, and gives the outcomes in order.
func (s *Suite) outcomes(ctx context.Context, dir string, files []string) iter.Seq[Outcome] {
	return func(yield func(Outcome) bool) {
		slots := make(chan struct{}, max(1, s.Parallel))
		done := make([]chan Outcome, len(files))
		for i := range files {
			done[i] = make(chan Outcome, 1)
		}
		go func() {
			for i, name := range files {
				slots <- struct{}{}
				go func() {
					done[i] <- s.judge(ctx, dir, name)
					<-slots
				}()
			}
		}()
		for i := range files {
			if !yield(<-done[i]) {
				return
			}
		}
	}
}

// judge runs one fault: its test must pass without it and fail with it.
func (s *Suite) judge(ctx context.Context, dir, file string) Outcome {
	o := Outcome{Name: strings.TrimSuffix(filepath.Base(file), ".diff")}
	fail := func(err error) Outcome {
		o.Err = err
		return o
	}
	if ctx.Err() != nil {
		return fail(context.Cause(ctx))
	}
	f, err := Read(file)
	if err != nil {
		return fail(err)
	}
	o.Summary = f.What
	changed, err := f.Apply(dir)
	if err != nil {
		return fail(err)
	}
	t := trial{kind: f.Kind, args: f.Args, dir: dir, timeout: s.limit(f)}
	if err := s.passes(ctx, t); err != nil {
		return fail(fmt.Errorf("without the fault: %w", err))
	}
	t.overlay = changed
	start := time.Now()
	r, err := t.run(ctx)
	o.Took = time.Since(start)
	if err != nil {
		return fail(fmt.Errorf("with the fault: %w", err))
	}
	o.Killed, o.Output, o.By = !r.ok(), r.output, strings.Join(r.failed, ", ")
	if r.timedOut {
		o.By = strings.Trim("timeout: "+o.By, ": ")
	}
	return o
}

func (s *Suite) limit(f *Fault) time.Duration {
	switch {
	case f.Timeout > 0:
		return f.Timeout
	case s.Timeout > 0:
		return s.Timeout
	}
	return time.Minute
}

// passes runs the test without any fault, once for all faults that name it.
func (s *Suite) passes(ctx context.Context, t trial) error {
	key := fmt.Sprintf("%s\x00%s\x00%q", t.dir, t.kind, t.args)
	s.mu.Lock()
	if s.clean == nil {
		s.clean = make(map[string]*baseline)
	}
	b := s.clean[key]
	if b == nil {
		b = new(baseline)
		s.clean[key] = b
	}
	s.mu.Unlock()
	b.once.Do(func() {
		// A short timeout is for a fault that hangs; the sound test may take its time.
		t.timeout = max(t.timeout, 10*time.Minute)
		r, err := t.run(ctx)
		if err == nil && !r.ok() {
			err = fmt.Errorf("the test fails\n%s", r.output)
		}
		b.err = err
	})
	return b.err
}
