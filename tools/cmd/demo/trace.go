package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/interlock/onceconn"
)

// A tracer records what happens to each key, for the timeline.
type tracer struct {
	start time.Time
	rows  map[string]int // row of each key

	mu      sync.Mutex // protects the fields below
	spans   []span
	open    map[string]span // the present span of each key
	samples []sampled
	end     time.Duration
}

// A span is a time in which a key was in one phase.
type span struct {
	row      int
	phase    string
	from, to time.Duration
}

// sampled is how many callers waited for a key at one time.
type sampled struct {
	row, waiting int
	at           time.Duration
}

func newTracer(keys []string) *tracer {
	t := &tracer{start: time.Now(), rows: make(map[string]int), open: make(map[string]span)}
	for i, k := range keys {
		t.rows[k] = i
	}
	return t
}

// hooks are the map's hooks that feed the tracer and count.
func (t *tracer) hooks(count *tally) onceconn.Hooks {
	return onceconn.Hooks{
		LaunchStart: func(key any, _ int) { t.enter(key, "launching") },
		LaunchEnd: func(key any, n int, took time.Duration, err error) {
			count.launchEnd(key, n, took, err)
			if err == nil {
				t.enter(key, "open")
			} else {
				t.enter(key, "dead")
			}
		},
		Evict:   func(key any, _ error) { t.enter(key, "dead") },
		Backoff: func(key any, _ error, _ time.Time) { t.enter(key, "backing off") },
	}
}

// enter ends the present span of key and begins the next.
func (t *tracer) enter(key any, phase string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name, now := fmt.Sprint(key), time.Since(t.start)
	if was, ok := t.open[name]; ok {
		was.to = now
		t.spans = append(t.spans, was)
	}
	t.open[name] = span{row: t.rows[name], phase: phase, from: now}
	t.end = max(t.end, now)
}

// sample records how many callers wait for each key.
func (t *tracer) sample(waiting []atomic.Int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Since(t.start)
	for row := range waiting {
		if n := int(waiting[row].Load()); n > 0 {
			t.samples = append(t.samples, sampled{row, n, now})
		}
	}
	t.end = max(t.end, now)
}

// The timeline's measures, in pixels.
const (
	rowHeight = 8
	left, top = 60, 40
	width     = 1000
)

var colours = []struct{ phase, colour string }{
	{"launching", "#f2a93b"}, {"open", "#8fce8f"}, {"dead", "#d9534f"}, {"backing off", "#9b7fc7"},
}

// writeSVG draws a row a key: its phases as bars, the callers that waited as
// black above them, the darker the more.
func (t *tracer) writeSVG(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.open {
		s.to = t.end
		t.spans = append(t.spans, s)
	}
	var b strings.Builder
	height := top + rowHeight*len(t.rows) + 40
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", left+width+20, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	legend(&b)
	for _, s := range t.spans {
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.2f" height="%d" fill="%s"/>`+"\n",
			t.x(s.from), top+s.row*rowHeight, max(0.5, t.x(s.to)-t.x(s.from)), rowHeight-1, colour(s.phase))
	}
	for _, s := range t.samples {
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.2f" height="3" opacity="%.2f"/>`+"\n",
			t.x(s.at), top+s.row*rowHeight, max(0.7, width*0.01/t.end.Seconds()), min(1, 0.15+float64(s.waiting)/50))
	}
	t.axis(&b)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *tracer) x(at time.Duration) float64 {
	return left + width*float64(at)/float64(max(t.end, 1))
}

func (t *tracer) axis(b *strings.Builder) {
	y := top + rowHeight*len(t.rows) + 14
	for s := 0; time.Duration(s)*time.Second <= t.end; s++ {
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%d s</text>`+"\n", t.x(time.Duration(s)*time.Second), y, s)
	}
	fmt.Fprintf(b, `<text x="4" y="%d">key 0</text><text x="4" y="%d">key %d</text>`+"\n", top+rowHeight, y-16, len(t.rows)-1)
}

func legend(b *strings.Builder) {
	x := left
	for _, c := range colours {
		fmt.Fprintf(b, `<rect x="%d" y="14" width="14" height="10" fill="%s"/><text x="%d" y="23">%s</text>`+"\n", x, c.colour, x+18, c.phase)
		x += 110
	}
	fmt.Fprintf(b, `<rect x="%d" y="16" width="14" height="3"/><text x="%d" y="23">callers waiting (darker = more)</text>`+"\n", x, x+18)
}

func colour(phase string) string {
	for _, c := range colours {
		if c.phase == phase {
			return c.colour
		}
	}
	return "#cccccc"
}
