package suites

import "slices"

// median returns the middle one of values, which it leaves alone.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
