package suites

import (
	"io"
	"os"
	"testing"

	"example.com/interlock/tools/bench"
	"example.com/interlock/tools/bench/echo"
)

// TestMain lets the test binary be the child processes of the suites.
func TestMain(m *testing.M) {
	if echo.Serve() || Deep() {
		return
	}
	os.Exit(m.Run())
}

// A suite must come to its end, with rows that promise something. Whether the
// promises hold is for "make bench" on a quiet machine, not for a test; the
// suites that take minutes and a whole machine are left to it as well.
func TestSuitesMeasure(t *testing.T) {
	for _, s := range All()[:2] {
		t.Run(s.Module, func(t *testing.T) {
			r := &bench.Runner{Module: s.Module, Quick: true, Log: io.Discard}
			if err := s.Run(r); err != nil {
				t.Fatal(err)
			}
			promised := 0
			for _, row := range r.Rows() {
				if row.Bound.Promised() {
					promised++
				}
			}
			if promised < 4 {
				t.Errorf("%d rows with a promise", promised)
			}
		})
	}
}

func TestIOCallsReadsStracesTable(t *testing.T) {
	table := `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.600000           6      1000           read
 30.00    0.300000           3      1000        12 write
  9.00    0.090000           9        20           epoll_pwait
  1.00    0.010000           1       500           futex
------ ----------- ----------- --------- --------- ----------------
100.00    1.000000                  2520        12 total
`
	if got := ioCalls(table); got != 2020 {
		t.Errorf("ioCalls = %v, want 2020", got)
	}
}

func TestShareIsWhole(t *testing.T) {
	for _, tt := range [][2]int{{10, 3}, {2, 8}, {0, 2}, {64, 64}} {
		sum := 0
		for w := range tt[1] {
			sum += share(tt[0], tt[1], w)
		}
		if sum != tt[0] {
			t.Errorf("%d workers share %d of %d", tt[1], sum, tt[0])
		}
	}
}
