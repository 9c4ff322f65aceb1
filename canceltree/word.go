package canceltree

import "sync/atomic"

// A word is the state of a node and of its first handle: bits, and above them the
// number of handles that are not released. Handles come and go without a lock; the
// bits that say how the node stands with cancellers change under its lock.
//
// It is an atomic.Uint32 but for its start: storing into one of those takes a
// locked instruction also in a node that nobody else knows, a tenth of what Child
// costs.
type word struct{ bits uint32 }

// The bits of a word.
const (
	valid    uint32 = 1 << iota // made by this package
	clone                       // a further handle; the node is parent
	held                        // this handle is not released; of a node: its first handle
	shadowed                    // there is a shadow, whose channel must be closed before ended is set
	claimed                     // a canceller has won; the cause is in ext unless released came first
	taken                       // the canceller has the children; none can be added
	released                    // the last handle went before any canceller came
	ended                       // Err is final
	walking                     // the Cancel that began here has not reached all descendants yet
	laden                       // there is, or was, what the last Release must look at under the lock: children, callbacks, an ext.carried

	handle     uint32 = 1 << 10 // one handle in the count
	maxHandles        = 1<<22 - 1

	leaf = valid | held | handle // a new node and, up to its Release, most others
)

func handles(word uint32) uint32 { return word / handle }

func (w *word) Load() uint32    { return atomic.LoadUint32(&w.bits) }
func (w *word) Or(mask uint32)  { atomic.OrUint32(&w.bits, mask) }
func (w *word) And(mask uint32) { atomic.AndUint32(&w.bits, mask) }

// add sets bits of mask that are not set, and returns what was there before.
func (w *word) add(mask uint32) (old uint32) {
	if old = w.Load(); old&mask != mask {
		old = atomic.OrUint32(&w.bits, mask)
	}
	return old
}

func (w *word) CompareAndSwap(old, new uint32) bool {
	return atomic.CompareAndSwapUint32(&w.bits, old, new)
}
