package canceltree

import (
	"errors"
	"fmt"
)

// checkNode holds the invariants of one node against what it says while nothing
// runs. The root of a check may have ended.
func (n *Token) checkNode(root bool) error {
	w := n.word.Load()
	if !n.mu.TryLock() {
		return errors.New("lock held")
	}
	defer n.mu.Unlock()
	switch {
	case w&valid == 0 || w&clone != 0:
		return fmt.Errorf("not a node: %#x", w)
	case w&walking != 0:
		return errors.New("walk not finished")
	case w&claimed != 0 && w&(taken|ended) != taken|ended:
		return fmt.Errorf("claimed but %#x", w)
	case w&ended != 0 && n.shadow.Load() != nil && !n.shadow.Load().closed():
		return errors.New("ended with Done open")
	case w&(claimed|released) == 0 && w&ended != 0:
		return errors.New("ended for no reason")
	case w&released != 0 && handles(w) != 0:
		return errors.New("released with handles")
	}
	if !root {
		if w&claimed != 0 {
			return errors.New("cancelled node in the tree")
		}
		mark := n.ext.Load() != nil && n.ext.Load().target != nil
		if handles(w) == 0 && w&released == 0 && !mark {
			return errors.New("live node without handles, or a cursor left behind")
		}
		if w&released != 0 && n.idle() {
			return errors.New("released node that should have gone")
		}
	}
	if w&taken != 0 && (n.kids != nil || n.count != 0) {
		return errors.New("cancelled node with children")
	}
	return n.checkList()
}

func (n *Token) checkList() error {
	count := uint32(0)
	if first := n.kids; first != nil {
		for x := first; ; x = x.next {
			if x.next == nil || x.prev == nil || x.next.prev != x || x.prev.next != x {
				return fmt.Errorf("list broken after %d", count)
			}
			if x.parent.Load() != n {
				return fmt.Errorf("child %d has another parent", count)
			}
			count++
			if x.next == first {
				break
			}
			if count > n.count {
				break
			}
		}
	}
	if count != n.count {
		return fmt.Errorf("counts %d children, has %d", n.count, count)
	}
	if e := n.ext.Load(); e != nil && e.calls != nil {
		for r := e.calls; ; r = r.next {
			if r.next.prev != r || r.stopped || r.node != n {
				return errors.New("callbacks broken")
			}
			if r.next == e.calls {
				break
			}
		}
	}
	return nil
}

func (n *Token) children() (kids []*Token) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for x, i := n.kids, uint32(0); i < n.count; x, i = x.next, i+1 {
		kids = append(kids, x)
	}
	return kids
}
