package waitmap

import "testing"

// FuzzTable runs a script of insertions and removals on a table and on a Go map.
// Hashes are bad on purpose: mode 0 gives all keys the same one, the others few
// different ones or such that their homes lie at the end of the table.
func FuzzTable(f *testing.F) {
	f.Add(byte(0), []byte("abcdefghABCDabcdEFGH"))
	f.Add(byte(1), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3, 2, 1, 9, 11, 12})
	f.Add(byte(2), []byte{200, 201, 202, 203, 3, 201, 200, 7})
	up := make([]byte, 0, 512)
	for i := range 256 {
		up = append(up, byte(i))
	}
	for mode := range 4 {
		f.Add(byte(mode), append(up, up...)) // in, then out: grows and shrinks
	}
	f.Fuzz(func(t *testing.T, mode byte, script []byte) {
		hash := func(k byte) uint64 {
			switch mode % 4 {
			case 0:
				return 42
			case 1:
				return uint64(k % 4)
			case 2:
				return ^uint64(0) - uint64(k%3)
			}
			return uint64(k) * 0x9e3779b97f4a7c15
		}
		var tab table[byte, int]
		model := map[byte]*Waiter[byte, int]{}
		for _, k := range script {
			if tab.full() {
				tab.grow()
			}
			i, found := tab.find(hash(k), k)
			w := model[k]
			if found != (w != nil) {
				t.Fatalf("find(%d) = %v, want %v", k, found, w != nil)
			}
			if found {
				if tab.slots[i].w != w || tab.index(hash(k), w) != i {
					t.Fatalf("key %d: another waiter", k)
				}
				tab.remove(i)
				delete(model, k)
			} else {
				w = &Waiter[byte, int]{key: k}
				tab.fill(i, hash(k), w)
				model[k] = w
			}
			checkTable(t, &tab, model, hash)
		}
	})
}

// checkTable checks the invariants of table.
func checkTable(t *testing.T, tab *table[byte, int], model map[byte]*Waiter[byte, int], hash func(byte) uint64) {
	n := len(tab.slots)
	if tab.count != len(model) || 4*tab.count > 3*n || n&(n-1) != 0 {
		t.Fatalf("count %d, slots %d, want %d entries", tab.count, n, len(model))
	}
	if n > stableSlots && 8*tab.count < n {
		t.Fatalf("%d entries in %d slots", tab.count, n)
	}
	used := 0
	for i, s := range tab.slots {
		if s.w == nil {
			if s.hash != 0 {
				t.Fatal("an empty slot is not zero")
			}
			continue
		}
		used++
		if model[s.w.key] != s.w || s.hash != hash(s.w.key) {
			t.Fatalf("slot %d has key %d", i, s.w.key)
		}
		for j := int(s.hash) & (n - 1); j != i; j = (j + 1) & (n - 1) {
			if tab.slots[j].w == nil {
				t.Fatalf("a gap before slot %d", i)
			}
		}
	}
	if used != tab.count {
		t.Fatalf("%d slots used, count %d", used, tab.count)
	}
}
