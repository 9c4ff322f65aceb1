package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// writeTable sets the crowds side by side.
func writeTable(w io.Writer, results []result) {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name string, cell func(result) string) {
		fmt.Fprint(tw, name)
		for _, r := range results {
			fmt.Fprint(tw, "\t", cell(r))
		}
		fmt.Fprintln(tw)
	}
	fmt.Fprintln(tw)
	row("", func(r result) string { return r.name })
	row("callers", func(r result) string { return fmt.Sprint(r.callers) })
	row("keys", func(r result) string { return fmt.Sprint(len(r.keys)) })
	if results[0].accepts != nil {
		row("accepts, counted by the servers", func(r result) string { return fmt.Sprint(sum(r.accepts)) })
	}
	row("answered", func(r result) string { return fmt.Sprint(r.answered.Load()) })
	row("gave up by their own wish", func(r result) string { return fmt.Sprint(r.gaveUp.Load()) })
	row("lost", func(r result) string { return fmt.Sprint(r.lost.Load()) })
	row("wrong answers", func(r result) string { return fmt.Sprint(r.wrong.Load()) })
	row("retries", func(r result) string { return fmt.Sprint(r.retries.Load()) })
	for _, kind := range kinds(results) {
		row("errors met: "+kind, func(r result) string { return fmt.Sprint(r.errors[kind]) })
	}
	row("wait p50", func(r result) string { return short(r.wait(0.50)) })
	row("wait p99", func(r result) string { return short(r.wait(0.99)) })
	row("goroutines before, after", func(r result) string { return fmt.Sprintf("%d, %d", r.goroutinesWere, r.goroutines) })
	row("descriptors before, after", func(r result) string { return fmt.Sprintf("%d, %d", r.descriptorsWere, r.descriptors) })
	row("time", func(r result) string { return short(r.took) })
	tw.Flush()
}

func kinds(results []result) []string {
	all := make(map[string]bool)
	for _, r := range results {
		for k := range r.errors {
			all[k] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func short(d time.Duration) string {
	if d >= time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

func sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

// A check is one figure that must be right.
type check struct {
	what      string
	got, want int64
}

// writeChecks says of each figure whether it is right.
func writeChecks(w io.Writer, checks []check) (ok bool) {
	ok = true
	fmt.Fprintln(w)
	for _, c := range checks {
		verdict := "ok"
		if c.got != c.want {
			verdict, ok = "OFF", false
		}
		fmt.Fprintf(w, "%-4s %s: %d, must be %d\n", verdict, c.what, c.got, c.want)
	}
	return ok
}

// checkFarm holds the onceconn crowd against what must be.
func checkFarm(r result, count *tally, keys, killed int) []check {
	checks := []check{{"connections that the servers accepted: one a key, one more for the restart", int64(sum(r.accepts)), int64(keys + 1)}}
	var off []string
	for i, n := range r.accepts {
		want := 1
		if i == killed {
			want = 2
		}
		if n != want {
			off = append(off, fmt.Sprintf("key %d: %d", i, n))
		}
	}
	checks = append(checks, check{"keys with another number of accepts than theirs " + strings.Join(off, ", "), int64(len(off)), 0})
	checks = append(checks, check{"launches that succeeded, as onceconn counts them", count.launched.Load(), int64(sum(r.accepts))})
	return append(checks, common(r)...)
}

// checkTargets holds the crowd against what must be with servers that cannot
// be asked.
func checkTargets(r result, count *tally) []check {
	checks := []check{{"launches that succeeded: one a key", count.launched.Load(), int64(len(r.keys))}}
	return append(checks, common(r)...)
}

// common are the checks of every run.
func common(r result) []check {
	return []check{
		{"callers with exactly one outcome", r.ended(), int64(r.callers)},
		{"callers lost", r.lost.Load(), 0},
		{"wrong answers", r.wrong.Load(), 0},
		{"goroutines left over", int64(max(0, r.goroutines-r.goroutinesWere)), 0},
		{"descriptors left over", int64(max(0, r.descriptors-r.descriptorsWere)), 0},
	}
}
