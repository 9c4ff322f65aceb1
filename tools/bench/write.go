package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Write keeps the result of a run in dir: results/MODULE.txt with every raw
// sample, results/MODULE.svg with the ratios, and BENCHMARKS.md with the
// machine, the command and the tables. A module that was not measured this
// time loses its section of BENCHMARKS.md: figures of two runs are not mixed.
func Write(dir string, runners []*Runner, command string) error {
	results := filepath.Join(dir, "results")
	if err := os.MkdirAll(results, 0o755); err != nil {
		return err
	}
	var report bytes.Buffer
	fmt.Fprintf(&report, "# Benchmarks\n\nMeasured on %s by\n\n\t%s\n\n", time.Now().UTC().Format(time.DateOnly), command)
	for _, fact := range append(Machine(), Peers()...) {
		fmt.Fprintf(&report, "- %s\n", fact)
	}
	report.WriteString("\nOurs and the reference run in turn in one process; the ratio is the median of the rounds' ratios, with its\n" +
		"interval at 95 % confidence. Trust ratios, not times. CPU per request is the CPU time of the server's process\n" +
		"divided by the requests it answered. The raw samples in `results/` are in the format of benchstat\n" +
		"(`benchstat -col /side results/line.txt`).\n")
	for _, r := range runners {
		if err := r.writeModule(&report, results); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "BENCHMARKS.md"), report.Bytes(), 0o644)
}

func (r *Runner) writeModule(report *bytes.Buffer, results string) error {
	fmt.Fprintf(report, "\n## %s\n\n", r.Module)
	if err := WriteMarkdown(report, r.rows); err != nil {
		return err
	}
	chart := filepath.Join(results, r.Module+".svg")
	if err := WriteChart(chart, r.Module, r.rows); err != nil {
		return err
	}
	if _, err := os.Stat(chart); err == nil {
		fmt.Fprintf(report, "\n![ratios of %s](results/%s.svg)\n", r.Module, r.Module)
	}
	var raw bytes.Buffer
	if err := r.WriteSamples(&raw); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(results, r.Module+".txt"), raw.Bytes(), 0o644)
}
