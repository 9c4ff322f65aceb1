package dial

import (
	"context"
	"net/netip"
	"time"
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

// Delay is the time between two attempts.
func Delay(d *Dialer) time.Duration { return d.delay() }

// Share is how long an attempt has for itself with n addresses behind it; 0: no limit.
func Share(ctx context.Context, d *Dialer, n int) time.Duration {
	c := &contest{d: d, next: make([]netip.AddrPort, n)}
	deadline, ok := c.share(ctx)
	if !ok {
		return 0
	}
	return time.Until(deadline)
}
