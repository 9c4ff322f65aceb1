package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// A sample is one measured value, kept as a line that benchstat reads.
type sample struct {
	name, side, unit string
	value            float64
}

func (r *Runner) keep(name, side, unit string, values []float64) {
	for _, v := range values {
		r.samples = append(r.samples, sample{name, side, unit, v})
	}
}

// WriteSamples writes every sample in Go's benchmark format; the side is a
// part of the name, so that "benchstat -col /side" sets both side by side.
func (r *Runner) WriteSamples(w io.Writer) error {
	for _, s := range r.samples {
		unit := s.unit + "/op"
		if _, err := fmt.Fprintf(w, "Benchmark%s/%s/side=%s 1 %g %s\n", title(r.Module), word(s.name), word(s.side), s.value, unit); err != nil {
			return err
		}
	}
	return nil
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// word makes one benchmark-name element of a description.
func word(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return '_'
		case c == '/' || c == '=':
			return '-'
		}
		return c
	}, s)
}
