package core

import (
	"fmt"
	"strconv"
	"strings"
)

// Format writes a schedule as text: the number of the task that moves, "x3"
// after it if it moves three times in a row, and "c1" for a choice, with dots
// between them.
func Format(steps []Step) string {
	var b strings.Builder
	for i := 0; i < len(steps); {
		n := 1
		for !steps[i].Choice && i+n < len(steps) && steps[i+n] == steps[i] {
			n++
		}
		if i > 0 {
			b.WriteByte('.')
		}
		if steps[i].Choice {
			b.WriteByte('c')
		}
		b.WriteString(strconv.Itoa(steps[i].N))
		if n > 1 {
			fmt.Fprintf(&b, "x%d", n)
		}
		i += n
	}
	return b.String()
}

// Parse reads what Format writes.
func Parse(s string) ([]Step, error) {
	var steps []Step
	for word := range strings.SplitSeq(s, ".") {
		num, times, repeated := strings.Cut(word, "x")
		num, choice := strings.CutPrefix(num, "c")
		n, err := strconv.Atoi(num)
		count := 1
		if err == nil && repeated {
			count, err = strconv.Atoi(times)
		}
		if err != nil || n < 0 || count < 1 || count > 1<<16 {
			return nil, fmt.Errorf("sched: %q is no part of a schedule", word)
		}
		for range count {
			steps = append(steps, Step{Choice: choice, N: n})
		}
	}
	return steps, nil
}
