package sync

import (
	"sync"

	"example.com/interlock/tools/sched/internal/core"
)

// A Map is a modelled sync.Map: each method is one step, Range one for the keys
// and one for each value. The zero value is empty.
type Map struct {
	m sync.Map
	x core.Map
}

// Load returns the value of the key.
//
//go:norace
func (m *Map) Load(key any) (value any, ok bool) {
	t := core.Now()
	if t == nil {
		return m.m.Load(key)
	}
	m.x.Op(t, core.Read)
	if i := m.x.Find(key); i >= 0 {
		return m.x.At(i), true
	}
	return nil, false
}

// Store sets the value of the key.
//
//go:norace
func (m *Map) Store(key, value any) {
	t := core.Now()
	if t == nil {
		m.m.Store(key, value)
		return
	}
	m.x.Op(t, core.Write)
	m.x.Put(key, value)
}

// Clear removes all entries.
//
//go:norace
func (m *Map) Clear() {
	t := core.Now()
	if t == nil {
		m.m.Clear()
		return
	}
	m.x.Op(t, core.Write)
	m.x.Reset()
}

// LoadOrStore returns the value that is there, or stores the one given.
//
//go:norace
func (m *Map) LoadOrStore(key, value any) (actual any, loaded bool) {
	t := core.Now()
	if t == nil {
		return m.m.LoadOrStore(key, value)
	}
	m.x.Op(t, core.Write)
	if i := m.x.Find(key); i >= 0 {
		t.OnlyRead(&m.x.O)
		return m.x.At(i), true
	}
	m.x.Put(key, value)
	return value, false
}

// LoadAndDelete removes the key and returns the value that was there.
//
//go:norace
func (m *Map) LoadAndDelete(key any) (value any, loaded bool) {
	t := core.Now()
	if t == nil {
		return m.m.LoadAndDelete(key)
	}
	m.x.Op(t, core.Write)
	i := m.x.Find(key)
	if i < 0 {
		t.OnlyRead(&m.x.O)
		return nil, false
	}
	value = m.x.At(i)
	m.x.Cut(i)
	return value, true
}

// Delete removes the key.
//
//go:norace
func (m *Map) Delete(key any) { m.LoadAndDelete(key) }

// Swap sets the value and returns the one that was there.
//
//go:norace
func (m *Map) Swap(key, value any) (previous any, loaded bool) {
	t := core.Now()
	if t == nil {
		return m.m.Swap(key, value)
	}
	m.x.Op(t, core.Write)
	if i := m.x.Find(key); i >= 0 {
		previous, loaded = m.x.At(i), true
	}
	m.x.Put(key, value)
	return previous, loaded
}

// CompareAndSwap sets the value if the one that is there equals old.
//
//go:norace
func (m *Map) CompareAndSwap(key, old, new any) (swapped bool) {
	t := core.Now()
	if t == nil {
		return m.m.CompareAndSwap(key, old, new)
	}
	m.x.Op(t, core.Write)
	i := m.x.Find(key)
	if i < 0 || m.x.At(i) != old {
		t.OnlyRead(&m.x.O)
		return false
	}
	m.x.Put(key, new)
	return true
}

// CompareAndDelete removes the key if its value equals old.
//
//go:norace
func (m *Map) CompareAndDelete(key, old any) (deleted bool) {
	t := core.Now()
	if t == nil {
		return m.m.CompareAndDelete(key, old)
	}
	m.x.Op(t, core.Write)
	i := m.x.Find(key)
	if i < 0 || m.x.At(i) != old {
		t.OnlyRead(&m.x.O)
		return false
	}
	m.x.Cut(i)
	return true
}

// Range calls f for each entry until f returns false. It sees the keys that
// were there when it began and still are.
func (m *Map) Range(f func(key, value any) bool) {
	t := core.Now()
	if t == nil {
		m.m.Range(f)
		return
	}
	m.x.Op(t, core.Read)
	for _, k := range m.x.Keys() {
		if v, ok := m.Load(k); ok && !f(k, v) {
			return
		}
	}
}
