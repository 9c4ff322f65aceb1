package canceltree

import (
	"bytes"
	"fmt"
	"runtime"
	"sync/atomic"
)

// Options are the options of NewWith. The zero Options are those of New.
type Options struct {
	// Name is shown by Tree, Dump, DOT, String and leak reports.
	Name string

	// Leak, if not nil, is called for each handle in the tree that became garbage
	// without having been released, while its token was not cancelled: the
	// token stays in the tree and nobody can take it out. Leak is called by the
	// garbage collector's clean-up goroutine, some time later: it should be short,
	// must not panic and must not rely on being called before the program ends.
	//
	// Watching costs about a microsecond and some hundred bytes a handle.
	Leak func(LeakReport)

	// LeakEvery makes Leak watch one in so many handles. 0 and 1 mean all.
	LeakEvery int
}

// A LeakReport says which handle was forgotten.
type LeakReport struct {
	ID    uint64 // the token's, as in Info
	Name  string // the token's
	Stack []byte // the calls that led to where the handle was made, as text
}

// A leak is what a tree knows about leak reports.
type leak struct {
	report func(LeakReport)
	every  uint64
	made   atomic.Uint64 // handles so far
}

// sampled counts a new handle and reports whether it is to be watched.
func (l *leak) sampled() bool { return (l.made.Add(1)-1)%l.every == 0 }

// attach watches the handle h on n.
// The report's stack leaves out that many callers of attach.
func (l *leak) attach(h, n *Token, callers int) {
	f := &forgotten{leak: l, node: n}
	f.depth = runtime.Callers(callers+2, f.stack[:])
	w := &watch{runtime.AddCleanup(h, (*forgotten).report, f)}
	h.ext.Store(&ext{own: true, watch: w})
}

// A watch ends the watching of one handle.
type watch struct{ cleanup runtime.Cleanup }

func (w *watch) stop() {
	if w != nil {
		w.cleanup.Stop()
	}
}

// A forgotten is what remains of a handle that is garbage. It must not lead to
// the handle. It touches nothing in the tree: a channel that belongs to a
// synctest bubble must not be closed from the goroutine it runs in.
type forgotten struct {
	leak  *leak
	node  *Token
	depth int
	stack [24]uintptr
}

func (f *forgotten) report() {
	if f.node.word.Load()&(claimed|released) != 0 {
		return
	}
	f.leak.report(LeakReport{ID: f.node.id(), Name: f.node.name(), Stack: f.text()})
}

// text formats the stack as the runtime does.
func (f *forgotten) text() []byte {
	var b bytes.Buffer
	frames := runtime.CallersFrames(f.stack[:f.depth])
	for more := f.depth > 0; more; {
		var fr runtime.Frame
		fr, more = frames.Next()
		fmt.Fprintf(&b, "%s(...)\n\t%s:%d\n", fr.Function, fr.File, fr.Line)
	}
	return b.Bytes()
}
