package canceltree

import "iter"

// An Info describes one live node of a tree at the time of the snapshot.
type Info struct {
	ID       uint64 // unique among the nodes that exist; may be used again when the node is gone
	Name     string // from Options or ChildNamed, else empty
	Depth    int    // 0 for the token on which Tree was called
	Children int    // how many nodes are shown right below this one
	Handles  int    // not released; 0 for a relay
	Relay    bool   // released, but kept for its children
	Err      error  // nil but for relays, and for the token on which Tree was called
	Cause    error  // what it ended with, as context.Cause tells it; nil where Err is
}

// Tree returns a sequence of the live nodes from t downwards, parents before
// children and siblings in the order of creation, as far as none was released
// between. A token with several parents is shown once, under the first of these
// that is in the sequence. If t has ended, it is shown alone, unless it is a relay.
//
// Each use of the sequence takes a snapshot when it begins. The tree goes on
// meanwhile, and no lock is held for longer than it takes to step to the next
// sibling: a node that lives throughout is shown exactly once, whatever is
// created, released, moved or cancelled around it, and one that comes or goes in
// that time is shown or not. No lock is held while the loop's body runs. A snapshot
// takes memory in proportion to the number of nodes.
func (t *Token) Tree() iter.Seq[Info] {
	n := t.node()
	return func(yield func(Info) bool) { n.snapshot().infos()(yield) }
}

// A branch is a node in a snapshot.
type branch struct {
	info  Info
	kids  []*branch
	alias *junction // instead of a node: the place of one with several parents
	order int       // of an alias: which parent this is
}

// A junction is a node with several parents in a snapshot.
type junction struct {
	at    *branch
	first *branch // the alias in whose place the node is shown
}

// infos walks the finished snapshot.
func (b *branch) infos() iter.Seq[Info] {
	type level struct {
		kids []*branch
	}
	return func(yield func(Info) bool) {
		stack := []level{{[]*branch{b}}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.kids) == 0 {
				stack = stack[:len(stack)-1]
				continue
			}
			next := top.kids[0].shown()
			top.kids = top.kids[1:]
			if next == nil {
				continue
			}
			info := next.info
			info.Depth = len(stack) - 1
			for _, k := range next.kids {
				if k.shown() != nil {
					info.Children++
				}
			}
			if !yield(info) {
				return
			}
			stack = append(stack, level{next.kids})
		}
	}
}

// shown returns what is shown in the place of b, nil if nothing is.
func (b *branch) shown() *branch {
	switch {
	case b.alias == nil:
		return b
	case b.alias.first == b:
		return b.alias.at
	default:
		return nil
	}
}
