package aio

import "example.com/interlock/aio/internal/sys"

// poller is one of the two mechanisms. arm and forget are called with the
// descriptor's mu held, by anybody; wake by anybody; the rest by the holder of
// the ring's token.
type poller interface {
	// nested is the poller inside Go's own; nil where that does not work.
	nested() sys.Nest
	// wakeable prepares for wake. It is not needed for a nested poller.
	wakeable() sys.Errno
	// arm makes sure that edges of f's directions are reported, the
	// present state being the first: f.armed has the bits afterwards. What
	// is armed already costs nothing.
	arm(f *FD, want uint8) sys.Errno
	// forget ends the reports. stays: the number will not be closed.
	forget(f *FD, stays bool)
	// wait fetches events: how many there are.
	wait(timeout int64) int
	// event is the i-th of them; got is 0 for the poller's own.
	event(i int) (sysfd int, gen uint32, got edge)
	// wake ends a wait of another goroutine.
	wake()
	close()
}

// edge is what a poller reported about a descriptor.
type edge uint8

const (
	edgeRead edge = 1 << iota
	edgeWrite
	edgePri
	edgeHup      // the peer will send no more
	edgeDead     // both directions are over, or an error stands
	edgeWriteEnd // writes have come to an end; whether by the peer is not said
)

// batch is how many events one wait fetches.
const batch = 256
