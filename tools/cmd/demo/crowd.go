package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A crowd is many callers of one source.
type crowd struct {
	name    string
	source  source
	proto   protocol
	keys    []string
	callers int
	seed    uint64
	spread  time.Duration

	answered, gaveUp, lost, wrong, retries atomic.Int64
	waiting                                []atomic.Int32 // callers that wait now, by key

	mu     sync.Mutex // protects the fields below
	errors map[string]int
	waits  []time.Duration
}

// A caller comes at some time, wants some key and may lose its patience.
type caller struct {
	id, key  int
	at       time.Duration
	patience time.Duration // 0 = the crowd's
}

const (
	gaveUpShare   = 0.02             // of the callers lose their patience in mid-launch
	patienceRange = greetAfter       // and do so within this time
	fullPatience  = 25 * time.Second // what the others have
)

// plan makes the crowd's callers, the same for every crowd of one seed: a
// third of them come at once.
func (c *crowd) plan() []caller {
	rnd := rand.New(rand.NewPCG(c.seed, 1))
	list := make([]caller, c.callers)
	for i := range list {
		list[i] = caller{id: i, key: i % len(c.keys)}
		if i%3 != 0 {
			list[i].at = time.Duration(rnd.Float64() * float64(c.spread))
		}
		// Whoever loses its patience is not alone with its key: the others
		// must not suffer from it.
		if rnd.Float64() < gaveUpShare {
			list[i].patience = time.Duration(1 + rnd.Int64N(int64(patienceRange)))
		}
	}
	return list
}

// run lets every caller come and returns when the last has its outcome.
func (c *crowd) run() {
	var wg sync.WaitGroup
	start := time.Now()
	for _, one := range c.plan() {
		wg.Go(func() {
			time.Sleep(time.Until(start.Add(one.at)))
			c.serve(one)
		})
	}
	wg.Wait()
}

// serve takes one caller to exactly one outcome: answered, gave up, wrong or
// lost.
func (c *crowd) serve(one caller) {
	patience := fullPatience
	if one.patience > 0 {
		patience = one.patience
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c.waiting[one.key].Add(1)
	defer c.waiting[one.key].Add(-1)
	for {
		p, err := c.source.call(ctx, c.keys[one.key], c.proto.request(one.id))
		if err == nil {
			c.finish(one, p, time.Since(start))
			return
		}
		if time.Since(start) < patience {
			c.note(err)
		}
		if !c.source.again(ctx, err) {
			if one.patience > 0 {
				c.gaveUp.Add(1)
			} else {
				c.lost.Add(1)
			}
			return
		}
		c.retries.Add(1)
	}
}

func (c *crowd) finish(one caller, p []byte, waited time.Duration) {
	if err := c.proto.check(one.id, p); err != nil {
		c.note(err)
		c.wrong.Add(1)
		return
	}
	c.answered.Add(1)
	c.mu.Lock()
	c.waits = append(c.waits, waited)
	c.mu.Unlock()
}

// note counts an error that a caller met.
func (c *crowd) note(err error) {
	c.mu.Lock()
	c.errors[kind(err)]++
	c.mu.Unlock()
}

// kind is what a person would call err.
func kind(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return "connection lost"
	case errors.Is(err, context.Canceled):
		return "somebody else's cancellation"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "somebody else's deadline"
	case errors.Is(err, syscall.EMFILE):
		return "out of descriptors"
	}
	return fmt.Sprintf("other: %v", err)
}

// ended is how many callers have their outcome.
func (c *crowd) ended() int64 {
	return c.answered.Load() + c.gaveUp.Load() + c.lost.Load() + c.wrong.Load()
}

// wait returns the q-quantile of the answered callers' waits.
func (c *crowd) wait(q float64) time.Duration {
	if len(c.waits) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(c.waits))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
