package canceltree

import (
	"sync/atomic"
	"unsafe"
)

// A link is an atomic.Pointer[Token] but for its start: a node is made with its
// parent in it. Storing that through the atomic type would cost, in a node that
// nobody else knows yet, a locked instruction and a call, a tenth of what Child
// does. Nothing but a *Token is ever kept in it.
type link struct{ p unsafe.Pointer }

func linkTo(n *Token) link { return link{unsafe.Pointer(n)} }

func (l *link) Load() *Token   { return (*Token)(atomic.LoadPointer(&l.p)) }
func (l *link) Store(n *Token) { atomic.StorePointer(&l.p, unsafe.Pointer(n)) }
