// Bench measures what interlock's modules promise, side by side with what a
// user would pick instead, and exits with status 1 when a bound is missed.
//
//	bench [-module M[,M...]] [-quick] [-write] [-dir DIR]
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"example.com/interlock/tools/bench"
	"example.com/interlock/tools/bench/echo"
	"example.com/interlock/tools/bench/suites"
)

var (
	module = flag.String("module", "", "comma-separated `modules` to measure; empty = all")
	quick  = flag.Bool("quick", false, "fewer and shorter rounds: under a minute a module")
	write  = flag.Bool("write", false, "keep raw samples, draw charts and write BENCHMARKS.md")
	dir    = flag.String("dir", "tools/bench", "`folder` of BENCHMARKS.md and results/, for -write")
)

func main() {
	if echo.Serve() || suites.Deep() {
		return
	}
	flag.Parse()
	missed, err := run()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	case missed > 0:
		os.Exit(1)
	}
}

// run measures the chosen suites and returns how many bounds were missed.
func run() (missed int, err error) {
	chosen, err := choose(*module)
	if err != nil {
		return 0, err
	}
	for _, fact := range append(bench.Machine(), bench.Peers()...) {
		fmt.Println(fact)
	}
	start := time.Now()
	var runners []*bench.Runner
	for _, s := range chosen {
		r := &bench.Runner{Module: s.Module, Quick: *quick, Log: os.Stderr}
		if err := s.Run(r); err != nil {
			return 0, fmt.Errorf("%s: %w", s.Module, err)
		}
		runners = append(runners, r)
	}
	var rows []bench.Row
	for _, r := range runners {
		rows = append(rows, r.Rows()...)
	}
	fmt.Println()
	if err := bench.WriteTable(os.Stdout, rows); err != nil {
		return 0, err
	}
	missed = bench.Missed(rows)
	fmt.Printf("\n%d rows, %d bounds missed, %v\n", len(rows), missed, time.Since(start).Round(time.Second))
	if *write {
		err = bench.Write(*dir, runners, command())
	}
	return missed, err
}

func choose(names string) ([]bench.Suite, error) {
	all := suites.All()
	if names == "" {
		return all, nil
	}
	var chosen []bench.Suite
	for _, name := range strings.Split(names, ",") {
		found := false
		for _, s := range all {
			if s.Module == name {
				chosen, found = append(chosen, s), true
			}
		}
		if !found {
			return nil, errors.New("no module " + name)
		}
	}
	return chosen, nil
}

// command is what to type for the same report.
func command() string {
	c := "make bench"
	if *module != "" {
		c += ` MODULE="` + strings.ReplaceAll(*module, ",", " ") + `"`
	}
	if *quick {
		c += " QUICK=1"
	}
	return c
}
