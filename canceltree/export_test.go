package canceltree

import (
	"fmt"
	"unsafe"
)

// What the tests see of the inside.

const RelayChildren = relayChildren

const NodeBytes = unsafe.Sizeof(Token{})

// WithoutStdKey makes package context's key unknown until restore is called.
func WithoutStdKey() (restore func()) {
	old := stdKey
	stdKey = func() any { return nil }
	return func() { stdKey = old }
}

// StdKeyKnown reports whether contexts can attach to a shadow.
func StdKeyKnown() bool { return stdKey() != nil }

// Parent returns the node above t's.
func (t *Token) Parent() *Token { return t.node().parent.Load() }

// Check reports what is wrong with the tree below t. Nothing may run meanwhile.
func (t *Token) Check() error {
	work := []*Token{t.node()}
	for len(work) > 0 {
		n := work[len(work)-1]
		work = work[:len(work)-1]
		if err := n.checkNode(len(work) == 0 && n == t.node()); err != nil {
			return fmt.Errorf("node %#x %q: %w", n.id(), n.name(), err)
		}
		work = append(work, n.children()...)
	}
	return nil
}

// HasLinks reports whether a node with several parents hangs below t directly.
func HasLinks(t *Token) bool {
	for _, x := range t.node().children() {
		if e := x.ext.Load(); e != nil && e.target != nil {
			return true
		}
	}
	return false
}
