package onceconn

import "sync"

// deps knows which launches wait for which others, as far as they say so by
// passing their context on, and refuses the wait that would close a circle.
//
// Its lock is a leaf.
type deps[K comparable, C any] struct {
	mu sync.Mutex // protects needs of all flights
}

// link records that own waits for f; false if f waits, however indirectly, for
// own.
func (d *deps[K, C]) link(own, f *flight[K, C]) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if reaches(f, own) {
		return false
	}
	if own.needs == nil {
		own.needs = make(map[*flight[K, C]]int)
	}
	own.needs[f]++ // a launch may ask on several goroutines
	return true
}

func (d *deps[K, C]) unlink(own, f *flight[K, C]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if own.needs[f]--; own.needs[f] == 0 {
		delete(own.needs, f)
	}
}

// reaches ends because link never lets a circle come to be.
func reaches[K comparable, C any](from, to *flight[K, C]) bool {
	if from == to {
		return true
	}
	for f := range from.needs {
		if reaches(f, to) {
			return true
		}
	}
	return false
}
