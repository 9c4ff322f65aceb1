package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// WriteTable writes rows as aligned text.
func WriteTable(w io.Writer, rows []Row) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "module\twhat\tours\treference\tratio\t95 %\tbound\t")
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n",
			r.Module, r.Name, value(r.Ours), r.Unit, reference(r), value(r.Ratio), interval(r), r.Bound, r.Verdict())
	}
	return tw.Flush()
}

// WriteMarkdown writes rows as a Markdown table.
func WriteMarkdown(w io.Writer, rows []Row) error {
	var b strings.Builder
	b.WriteString("| what | ours | reference | ratio | 95 % | bound | |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		name := r.Name
		if r.Note != "" {
			name += " (" + r.Note + ")"
		}
		fmt.Fprintf(&b, "| %s | %s %s | %s | %s | %s | %s | %s |\n",
			cell(name), value(r.Ours), r.Unit, cell(reference(r)), value(r.Ratio), interval(r), r.Bound, r.Verdict())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func reference(r Row) string {
	if r.Reference == "" {
		return ""
	}
	return fmt.Sprintf("%s: %s %s", r.Reference, value(r.Ref), r.Unit)
}

func interval(r Row) string {
	if r.Reference == "" || math.IsInf(r.Lo, 0) || math.IsInf(r.Hi, 0) { // too few rounds to tell
		return ""
	}
	return value(r.Lo) + "–" + value(r.Hi)
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// Missed counts the rows that break their promise.
func Missed(rows []Row) int {
	n := 0
	for _, r := range rows {
		if !r.Held() {
			n++
		}
	}
	return n
}
