//go:build !race

package canceltree_test

const (
	deepLevels = 10_000_000
	wideNodes  = 1_000_000
	stormPart  = 1
)
