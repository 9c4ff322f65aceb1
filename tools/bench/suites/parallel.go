package suites

import (
	"sync"
)

// spread runs work in k goroutines that share n operations.
func spread(k, n int, work func(worker, n int)) {
	var wg sync.WaitGroup
	for w := range k {
		wg.Go(func() { work(w, share(n, k, w)) })
	}
	wg.Wait()
}

// share is how many of n operations worker w of k does.
func share(n, k, w int) int {
	s := n / k
	if w < n%k {
		s++
	}
	return s
}
