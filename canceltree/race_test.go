//go:build race

package canceltree_test

// The race detector takes ten times the memory and the time.
const (
	deepLevels = 500_000
	wideNodes  = 100_000
	stormPart  = 10
)
