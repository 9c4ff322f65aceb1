package suites

// alternate measures a pair in turn, the one first in every other round.
func alternate(ours, ref func() float64) func(int) (float64, float64) {
	return func(i int) (a, b float64) {
		if i%2 == 1 {
			b = ref()
			return ours(), b
		}
		a = ours()
		return a, ref()
	}
}
