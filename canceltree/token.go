package canceltree

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// ErrReleased is what Err and Cause return once the last handle of a token was
// released before the token was cancelled.
var ErrReleased = errors.New("canceltree: token released")

// A Token is a handle on a node of a cancellation tree. It implements
// [context.Context].
//
// Tokens are made by New, NewWith, FromContext, Any and by the methods Child…
// and Clone; methods of the zero Token panic. A Token must not be copied: Clone
// makes a second handle. All methods may be called from any goroutine at any time.
//
// Whoever makes a handle releases it, once, when it is no longer needed; Cancel
// does not release. Child, ChildNamed, ChildTimeout, ChildDeadline, Clone,
// AfterFunc and OnCancel panic on a released handle, Cancel does nothing there,
// and all other methods go on answering.
//
// A token costs 64 bytes in one allocation. Asking for Done adds what package
// context pays for its channel; names, callbacks and deadlines add a record.
//
// In the terms of the Go memory model, the call of Cancel that wins
// "synchronizes before" any observation of it through Err, Cause, Done or a
// callback.
type Token struct {
	// A Token is the node and the node's first handle in one; a further handle
	// (bit clone) is a Token of which only word, parent and ext are used, parent
	// being the node it stands for.
	//
	// Invariants:
	//
	//  1. A node with neither parent nor handles cannot be cancelled any more,
	//     unless it carries a timer or a link of its own.
	//  2. A child is younger than its parent, also after re-parenting: a child only
	//     ever moves to the parent of its parent.
	//  3. With both unlocked, parent link and child list agree: x.parent == p and p
	//     not taken if and only if x is in the list p.kids.
	//  4. Whoever cancels holds at most one lock. Whoever takes a node out holds
	//     two: parent, then child. Of a leaf (unhook) the parent's is enough.
	//  5. Once a node is taken, the links of its children belong to its canceller.
	//     Until then next, prev and parent of x belong to the lock of x.parent.
	//  6. word has ended if and only if Done is closed or was never asked for.
	//  7. A node whose word is leaf has neither children nor callbacks nor anything
	//     carried, and can get them only from who sets laden first.
	//
	// Lock order: a parent before its child, which by (2) is the order of creation;
	// siblings are never locked together. Waiting (for the walk of another Cancel)
	// happens with no lock held and only for a node further down, so neither locks
	// nor waits can form a cycle.
	//
	// To use x.parent: read it, lock what it says, read it again (lockParent).
	parent     ref[Token]
	next, prev *Token // circular list of siblings; a canceller's work list uses next alone

	mu     sync.Mutex             // protects kids, count, the contents of an own ext, and the bits taken and walking
	kids   *Token                 // first child; the last one is kids.prev
	word   word                   // what state the node and its first handle are in
	count  uint32                 // children, links of Any included, cursors of Tree excluded
	ext    atomic.Pointer[ext]    // what few nodes have; replaced under mu
	shadow atomic.Pointer[shadow] // set once Done was asked of the live node
}

// New returns the root of a new tree.
func New() *Token { return NewWith(Options{}) }

// NewWith returns the root of a new tree with options. Leak and LeakEvery hold
// for the whole tree, Name for the root alone.
func NewWith(opts Options) *Token {
	n := newNode(nil)
	var e *env
	if opts.Leak != nil {
		e = &env{leak: &leak{report: opts.Leak, every: uint64(max(opts.LeakEvery, 1))}}
	}
	if e != nil || opts.Name != "" {
		n.ext.Store(&ext{own: true, env: e, name: opts.Name})
	}
	return n.firstHandle()
}

// newNode returns a live node that p, which may be nil, is still to admit.
func newNode(p *Token) *Token {
	return makeToken(p, leaf)
}

// newCarrier returns a live node that brings something of its own and hands
// down e.
func newCarrier(p *Token, e *env) *Token {
	n := makeToken(p, leaf|laden)
	n.ext.Store(&ext{own: true, env: e, carried: &carried{}})
	return n
}

// newMark returns a node without handles: not a token, but something that has a
// place between tokens.
func newMark(p *Token) *Token {
	return makeToken(p, valid)
}

func makeToken(p *Token, bits uint32) *Token {
	return &Token{parent: ref[Token]{p}, word: word{bits}}
}

// node returns the node that t is a handle on.
func (t *Token) node() *Token {
	w := t.word.Load()
	if w&clone != 0 {
		return t.parent.Load()
	}
	if w == 0 {
		panic("canceltree: use of a zero Token; tokens come from New, FromContext, Any or Child")
	}
	return t
}

// use is node for the methods that a released handle must not be used with.
func (t *Token) use(method string) *Token {
	n := t.node()
	if t.word.Load()&held == 0 {
		panicReleased(method)
	}
	return n
}

func panicReleased(method string) {
	panic("canceltree: " + method + " on a released Token")
}

// Equal reports whether t and u are handles on the same node.
func (t *Token) Equal(u *Token) bool {
	return u != nil && t.node() == u.node()
}

// String describes t for people: its name, or its address if it has none, and
// its state.
func (t *Token) String() string {
	n := t.node()
	label := fmt.Sprintf("%#x", n.id())
	if name := n.name(); name != "" {
		label = fmt.Sprintf("%q", name)
	}
	switch cause := n.Cause(); {
	case cause == nil:
		return "token " + label + " (live)"
	case n.word.Load()&released != 0:
		return "token " + label + " (released)"
	default:
		return "token " + label + " (cancelled: " + cause.Error() + ")"
	}
}

var _ context.Context = (*Token)(nil)
