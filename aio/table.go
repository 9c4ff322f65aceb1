package aio

import (
	"sync/atomic"
)

const (
	pageBits = 8
	pageSize = 1 << pageBits
)

// A table finds the FD of a descriptor number. The system gives the lowest
// free numbers, so two levels of arrays are dense, and a look-up takes no
// lock. It also keeps descriptors alive that nobody but the system knows.
type table struct {
	dir atomic.Pointer[[]*page] // grows by copying, under the ring's mu
}

type page struct {
	fds  [pageSize]atomic.Pointer[FD]
	used atomic.Int32
}

// get returns the FD of the number, or nil.
func (t *table) get(n int) *FD {
	if p := t.page(n); p != nil {
		return p.fds[n&(pageSize-1)].Load()
	}
	return nil
}

func (t *table) page(n int) *page {
	dir := t.dir.Load()
	if i := n >> pageBits; dir != nil && n >= 0 && i < len(*dir) {
		return (*dir)[i]
	}
	return nil
}

// put enters f; false: the number is taken. The ring's mu is held.
func (t *table) put(f *FD) bool {
	n := int(f.sysfd)
	p := t.page(n)
	if p == nil {
		p = t.grow(n >> pageBits)
	}
	if !p.fds[n&(pageSize-1)].CompareAndSwap(nil, f) {
		return false
	}
	p.used.Add(1)
	return true
}

func (t *table) grow(i int) *page {
	var dir []*page
	if old := t.dir.Load(); old != nil {
		dir = append(dir, *old...)
	}
	for len(dir) <= i {
		dir = append(dir, nil)
	}
	dir[i] = new(page)
	t.dir.Store(&dir)
	return dir[i]
}

// drop takes f out and says whether that emptied a page that trim can free.
// It is called without the ring's mu.
func (t *table) drop(f *FD) (emptied bool) {
	n := int(f.sysfd)
	if p := t.page(n); p != nil && p.fds[n&(pageSize-1)].CompareAndSwap(f, nil) {
		return p.used.Add(-1) == 0 && n >= pageSize
	}
	return false
}

// trim lets go of pages that are empty, but the first. The ring's mu is held,
// so nothing is put in meanwhile.
func (t *table) trim() {
	old := t.dir.Load()
	if old == nil {
		return
	}
	dir := append([]*page(nil), *old...)
	for i := 1; i < len(dir); i++ {
		if dir[i] != nil && dir[i].used.Load() == 0 {
			dir[i] = nil
		}
	}
	for len(dir) > 1 && dir[len(dir)-1] == nil {
		dir = dir[:len(dir)-1]
	}
	t.dir.Store(&dir)
}

// all calls visit for every FD that is in the table.
func (t *table) all(visit func(*FD)) {
	dir := t.dir.Load()
	if dir == nil {
		return
	}
	for _, p := range *dir {
		if p == nil {
			continue
		}
		for i := range p.fds {
			if f := p.fds[i].Load(); f != nil {
				visit(f)
			}
		}
	}
}
