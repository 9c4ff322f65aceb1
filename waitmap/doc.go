// Package waitmap lets goroutines and callbacks wait for the value of a key,
// and wakes exactly the waiter of that key.
//
// It is the piece in the middle of every multiplexed client: a request goes
// out under an identifier, answers come back in any order, and each of them
// has to find the one caller that waits for it.
//
//	var calls waitmap.Map[uint64, *Reply] // the zero value is ready
//
//	func (c *Client) Call(ctx context.Context, req *Request) (*Reply, error) {
//		wait, err := calls.Reserve(req.ID) // register first: the answer may be fast
//		if err != nil {
//			return nil, err
//		}
//		if err := c.send(req); err != nil {
//			wait.Cancel() // every path ends the wait
//			return nil, err
//		}
//		return wait.Await(ctx)
//	}
//
//	func (c *Client) readLoop() {
//		for {
//			reply, err := c.receive()
//			if err != nil {
//				calls.CloseWith(err) // ends every call, also those to come
//				return
//			}
//			if calls.Wake(reply.ID, reply) != waitmap.Woke {
//				reply.Discard() // late or unknown: the value is still ours
//			}
//		}
//	}
//
// # The guarantee
//
// For every [Map.Wake] (or [Map.Post], or element of [Map.WakeAll]) that
// returned [Woke], exactly one of [Map.Wait], [Ticket.Await], [Ticket.Result],
// [Ticket.Cancel] or a [Map.Notify] callback receives that value. For every
// other outcome nobody does, and the value is still the caller's ([Stored]: the
// map's, until a waiter comes or [Map.TakeStored] fetches it).
//
// A cancel that loses the race against a wake takes the value: Cancel hands it
// over, and an Await whose context ended returns it with a nil error. Nothing
// is dropped on the floor between two goroutines. What the caller does not
// ask for is the one way to lose a value: a ticket that nobody ever uses again
// keeps what was delivered to it.
//
// A Wake that returned Woke synchronizes before the return of the call, or the
// start of the callback, that receives its value; Fail and CloseWith
// synchronize likewise before what receives their error.
//
// # Concurrency
//
// All methods of [Map] and [Ticket] may be called by any number of goroutines
// at once. Callbacks, iterators and the loop bodies that they feed run without
// any lock held, so they may use the map as they like. Per key every operation
// is atomic. Over several keys nothing is: while CloseWith runs, some keys are
// closed and some are not yet.
//
// The package starts no goroutine of its own. A timer exists only while a wait
// with a deadline ([Map.ReserveUntil]) is pending.
//
// # When not to use it
//
//   - Many goroutines wait for the same event: close a channel, or use a
//     sync.Cond. A key has one waiter here; a second one gets [ErrDuplicate].
//   - Many callers want the same computation done once: that is singleflight,
//     or a sync.OnceValue per key.
//   - One reply is outstanding at a time: a channel is enough.
//   - Messages queue up for a reader: use a channel per reader. [Map.Post]
//     stores at most one value per key.
//   - Values for keys that nobody waits for should be kept and counted: that is
//     a cache, not a rendezvous.
package waitmap
