package dial

import (
	"context"
)

var Interleave = interleave

// FallBack dials as where there is no aio.
func FallBack(d *Dialer, ctx context.Context, network, address string) (*Conn, error) {
	return d.fallBack(ctx, network, address)
}

// WatchSets is the number of rings on which something is watched.
func WatchSets() int {
	sets.mu.Lock()
	defer sets.mu.Unlock()
	return len(sets.of)
}
