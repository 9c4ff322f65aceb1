package main

import (
	"math/rand/v2"
	"time"
)

// refusedShare of the servers are down when the callers come.
const refusedShare = 0.05

// faults are what happens to the farm while a crowd runs.
type faults struct {
	down   []int // servers that refuse the first dials
	killed int   // the server that dies in the middle and comes back
	upAt   time.Duration
	killAt time.Duration
	backAt time.Duration
}

// plan chooses the faults of one seed. The killed server is none of those
// that start late, so that each fault can be counted alone.
func planFaults(seed uint64, keys int, spread time.Duration) faults {
	order := rand.New(rand.NewPCG(seed, 2)).Perm(keys)
	n := int(refusedShare * float64(keys))
	if keys > 1 {
		n = max(n, 1)
	}
	return faults{
		down: order[:n], killed: order[n],
		upAt: spread / 10, killAt: spread / 2, backAt: spread/2 + spread/20,
	}
}

// prepare takes down what the callers shall not find.
func (f faults) prepare(farm *farm) error {
	if err := farm.reset(); err != nil {
		return err
	}
	for _, i := range f.down {
		if err := farm.tell("kill", i); err != nil {
			return err
		}
	}
	return nil
}

// inject lets the faults happen in their time.
func (f faults) inject(farm *farm) error {
	start := time.Now()
	at := func(d time.Duration) { time.Sleep(time.Until(start.Add(d))) }
	at(f.upAt)
	for _, i := range f.down {
		if err := farm.tell("open", i); err != nil {
			return err
		}
	}
	at(f.killAt)
	if err := farm.tell("kill", f.killed); err != nil {
		return err
	}
	at(f.backAt)
	return farm.tell("open", f.killed)
}
