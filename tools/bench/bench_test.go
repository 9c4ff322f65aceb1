package bench_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/interlock/tools/bench"
	"golang.org/x/perf/benchfmt"
)

func TestBound(t *testing.T) {
	for _, tt := range []struct {
		bound bench.Bound
		value float64
		holds bool
		text  string
	}{
		{bench.AtMost(1.3), 1.3, true, "≤ 1.3"},
		{bench.AtMost(1.3), 1.31, false, "≤ 1.3"},
		{bench.AtLeast(1.6), 1.6, true, "≥ 1.6"},
		{bench.AtLeast(1.6), 1.59, false, "≥ 1.6"},
		{bench.AtMost(0), 0, true, "≤ 0"},
		{bench.AtMost(1), math.NaN(), false, "≤ 1"},
		{bench.AtLeast(1), math.NaN(), false, "≥ 1"},
		{bench.Bound{}, 1e9, true, ""},
	} {
		if got := tt.bound.Holds(tt.value); got != tt.holds {
			t.Errorf("%v.Holds(%v) = %v", tt.bound, tt.value, got)
		}
		if got := tt.bound.String(); got != tt.text {
			t.Errorf("String() = %q, want %q", got, tt.text)
		}
	}
}

func TestVerdictOfRatioAndOfFigureAlone(t *testing.T) {
	ratio := bench.Row{Ours: 100, Reference: "std", Ref: 200, Ratio: 0.5, Bound: bench.AtMost(0.4)}
	if got := ratio.Verdict(); got != "missed" {
		t.Errorf("ratio 0.5 against ≤ 0.4: %q", got)
	}
	alone := bench.Row{Ours: 24, Ratio: math.NaN(), Bound: bench.AtMost(24)}
	if got := alone.Verdict(); got != "held" {
		t.Errorf("24 against ≤ 24: %q", got)
	}
	if got := (bench.Row{Ours: 5}).Verdict(); got != "" {
		t.Errorf("a row without a promise says %q", got)
	}
	if got := bench.Missed([]bench.Row{ratio, alone}); got != 1 {
		t.Errorf("Missed = %d, want 1", got)
	}
}

// A side that does twice the work of the other must come out at about two.
func TestPairFindsTheRatio(t *testing.T) {
	spin := func(times int) func(n int) {
		return func(n int) {
			x := uint64(1)
			for range n * times {
				x ^= x << 13
				x ^= x >> 7
				x ^= x << 17
			}
			if x == 0 {
				panic("xorshift never gives 0")
			}
		}
	}
	r := &bench.Runner{Module: "m", Quick: true}
	var ratios []float64
	near := func(ratio float64) bool { return ratio >= 1.5 && ratio <= 2.7 }
	for range 10 { // others have the machine too, but not each time
		r.Pair("double", bench.AtMost(1), bench.Side{Name: "ours", Run: spin(200)}, bench.Side{Name: "ref", Run: spin(100)})
		if ratios = append(ratios, r.Rows()[len(ratios)].Ratio); near(ratios[len(ratios)-1]) {
			break
		}
	}
	row := r.Rows()[len(ratios)-1]
	if !near(row.Ratio) {
		t.Errorf("ratios %v, want about 2", ratios)
	}
	if row.Held() || row.Module != "m" || row.Reference != "ref" || row.Unit != "ns" {
		t.Errorf("row %+v", row)
	}
}

func TestRatioIsTheMedianOfTheRoundsRatios(t *testing.T) {
	r := &bench.Runner{Module: "m"}
	r.Samples("n", bench.Bound{}, "ns", "ref", []float64{1, 10, 9}, []float64{2, 5, 10}, []float64{0.5, 2, 0.9})
	row := r.Rows()[0]
	if row.Ours != 9 || row.Ref != 5 || row.Ratio != 0.9 {
		t.Errorf("ours %v, ref %v, ratio %v; want 9, 5, 0.9", row.Ours, row.Ref, row.Ratio)
	}
}

func TestVersusAsksEveryRound(t *testing.T) {
	r := &bench.Runner{Module: "m"}
	asked := 0
	r.VersusN(5, "n", bench.Bound{}, "x", "ref", func(i int) (float64, float64) {
		if i != asked {
			t.Errorf("round %d, want %d", i, asked)
		}
		asked++
		return 3, 1
	})
	if asked != 5 || r.Rows()[0].Ratio != 3 {
		t.Errorf("asked %d times, ratio %v", asked, r.Rows()[0].Ratio)
	}
}

func TestLiveBytes(t *testing.T) {
	got := bench.LiveBytes(func() any { return make([]byte, 8<<20) })
	if got < 8<<20 || got > 9<<20 {
		t.Errorf("8 MiB measured as %v bytes", got)
	}
}

func measured(t *testing.T) *bench.Runner {
	t.Helper()
	r := &bench.Runner{Module: "line"}
	r.Samples("acquire | release", bench.AtMost(1), "ns", "sync.Mutex", []float64{5}, []float64{10}, []float64{0.5})
	r.Value("size", bench.AtMost(24), "B", 32)
	r.Note("two words too many")
	return r
}

func TestTables(t *testing.T) {
	r := measured(t)
	var text, md bytes.Buffer
	if err := bench.WriteTable(&text, r.Rows()); err != nil {
		t.Fatal(err)
	}
	if err := bench.WriteMarkdown(&md, r.Rows()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sync.Mutex: 10 ns", "0.5", "≤ 1", "held", "missed"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	for _, want := range []string{`| acquire \| release | 5 ns | sync.Mutex: 10 ns | 0.5 |`, "| size (two words too many) | 32 B |  |  |  | ≤ 24 | missed |"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("no %q in\n%s", want, &md)
		}
	}
}

func TestSamplesAreInTheFormatOfBenchstat(t *testing.T) {
	var b bytes.Buffer
	if err := measured(t).WriteSamples(&b); err != nil {
		t.Fatal(err)
	}
	sides := map[string]bool{}
	for reader := benchfmt.NewReader(&b, "samples"); reader.Scan(); {
		switch rec := reader.Result().(type) {
		case *benchfmt.Result:
			sides[string(rec.Name)] = true
		case *benchfmt.SyntaxError:
			t.Error(rec)
		}
	}
	for _, want := range []string{"Line/acquire_|_release/side=ours", "Line/acquire_|_release/side=sync.Mutex", "Line/size/side=ours"} {
		if !sides[want] {
			t.Errorf("no sample %q among %v", want, sides)
		}
	}
}

func TestWriteKeepsSamplesChartAndReport(t *testing.T) {
	dir := t.TempDir()
	if err := bench.Write(dir, []*bench.Runner{measured(t)}, "the command"); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"BENCHMARKS.md":    "the command",
		"results/line.svg": "<svg",
		"results/line.txt": "BenchmarkLine/size/side=ours 1 32 B/op",
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q:\n%.300s", file, want, text)
		}
	}
}

func TestMachineNamesTheToolchain(t *testing.T) {
	if facts := bench.Machine(); len(facts) == 0 || !strings.HasPrefix(facts[0], "go") {
		t.Errorf("facts %q", facts)
	}
}

func TestCalibrationEndsForAnOperationLongerThanTheSpan(t *testing.T) {
	r := &bench.Runner{Module: "m", Quick: true}
	runs := 0
	slow := bench.Side{Name: "slow", Run: func(n int) {
		runs += n
		for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
		}
	}}
	r.Pair("slow", bench.Bound{}, slow, slow)
	if runs > 100 {
		t.Errorf("a slow operation ran %d times", runs)
	}
}
