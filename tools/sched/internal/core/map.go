package core

import "unsafe"

// A Map is a modelled sync.Map: a list of entries in the order of their first
// store, so that Range has one order.
type Map struct {
	O       Obj
	entries []entry
	edge    int32
}

type entry struct{ k, v any }

// Op is one operation on the map; a Write may turn out to have been a Read.
//
//go:norace
func (m *Map) Op(t *Task, a Access) {
	if m.O.Stale() {
		m.entries = nil
	}
	Point(KindMap, &m.O, a, nil)
	if Race {
		Acquire(unsafe.Pointer(&m.edge))
	}
}

// Find returns the index of k, or -1.
//
//go:norace
func (m *Map) Find(k any) int {
	for i := range m.entries {
		if m.entries[i].k == k {
			return i
		}
	}
	return -1
}

// At returns the value of entry i.
//
//go:norace
func (m *Map) At(i int) any { return m.entries[i].v }

// Put stores v for k.
//
//go:norace
func (m *Map) Put(k, v any) {
	if Race {
		ReleaseMerge(unsafe.Pointer(&m.edge))
	}
	if i := m.Find(k); i >= 0 {
		m.entries[i].v = v
		return
	}
	m.entries = append(m.entries, entry{k, v})
}

// Cut removes entry i.
//
//go:norace
func (m *Map) Cut(i int) {
	if Race {
		ReleaseMerge(unsafe.Pointer(&m.edge))
	}
	rest := make([]entry, 0, len(m.entries))
	for j := range m.entries {
		if j != i {
			rest = append(rest, m.entries[j])
		}
	}
	m.entries = rest
}

// Reset removes all entries.
//
//go:norace
func (m *Map) Reset() {
	if Race {
		ReleaseMerge(unsafe.Pointer(&m.edge))
	}
	m.entries = nil
}

// Keys returns the keys.
//
//go:norace
func (m *Map) Keys() []any {
	keys := make([]any, len(m.entries))
	for i := range m.entries {
		keys[i] = m.entries[i].k
	}
	return keys
}
