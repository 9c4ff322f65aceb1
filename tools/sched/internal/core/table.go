package core

import "unsafe"

// tableSize is the number of plain variables that the atomic functions may use
// in one execution; a power of two.
const tableSize = 1 << 10

// A table finds the identity of a plain variable that is used through the
// functions of sync/atomic. It keeps the variable alive, so that an address
// means one variable throughout an execution. (A map would do but for the race
// detector, which sees the accesses of the run-time's map code.)
type table struct {
	slots [tableSize]slot
	used  [tableSize / 2]int
	n     int
	rest  Obj // all that came too late
}

type slot struct {
	p unsafe.Pointer
	o Obj
}

//go:norace
func (b *table) clear() {
	for _, i := range b.used[:b.n] {
		b.slots[i] = slot{}
	}
	b.n = 0
}

// Var gives the identity of the variable at p.
//
//go:norace
func (e *Exec) Var(p unsafe.Pointer) *Obj {
	b := &e.table
	i := int(uintptr(p)>>2*0x9E3779B1>>8) & (tableSize - 1)
	for b.slots[i].p != nil {
		if b.slots[i].p == p {
			return &b.slots[i].o
		}
		i = (i + 1) & (tableSize - 1)
	}
	if b.n == len(b.used) {
		return &b.rest // more work for the search, nothing missed
	}
	b.slots[i].p = p
	b.used[b.n] = i
	b.n++
	return &b.slots[i].o
}
