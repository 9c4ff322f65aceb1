package simkernel

import (
	"container/heap"
	"time"
)

// timer is something that is on its way: a segment, a handshake, a retry.
type timer struct {
	due   int64
	order uint64
	run   func()
}

type timers []timer

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	return t[i].due < t[j].due || t[i].due == t[j].due && t[i].order < t[j].order
}
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)   { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = timer{}
	*t = (*t)[:last]
	return x
}

// at lets run happen at the time due, with mu held.
func (k *Kernel) at(due int64, run func()) {
	k.order++
	heap.Push(&k.coming, timer{due, k.order, run})
}

// clock reads the time.
func (k *Kernel) clock() int64 {
	if k.cfg.Clock == Flowing {
		k.now = max(k.now, 1+int64(time.Since(k.start)))
	}
	return k.now
}

// arrive lets happen what is due.
func (k *Kernel) arrive() {
	for now := k.clock(); len(k.coming) > 0 && k.coming[0].due <= now; {
		heap.Pop(&k.coming).(timer).run()
	}
}

// Now is the kernel's clock.
func (k *Kernel) Now() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.clock()
}

// When is the reading of the clock at time t.
func (k *Kernel) When(t time.Time) int64 { return max(1+int64(t.Sub(k.start)), 1) }

// Time is the time.Time at which the clock reads what it reads now: deadlines
// of a Jumping kernel are set from it.
func (k *Kernel) Time() time.Time { return k.start.Add(time.Duration(k.Now() - 1)) }

// Advance lets d nanoseconds of Jumping time go by.
func (k *Kernel) Advance(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.jump(k.now + int64(d))
	k.awake.Broadcast()
}

// jump goes to the time end, through everything that is due before.
func (k *Kernel) jump(end int64) {
	for len(k.coming) > 0 && k.coming[0].due <= end {
		k.now = max(k.now, k.coming[0].due)
		heap.Pop(&k.coming).(timer).run()
	}
	k.now = max(k.now, end)
}

// pause lets a wait sleep until something may have changed: at the latest at
// the time end (negative: none). The caller holds mu and looks again.
func (k *Kernel) pause(end int64) {
	next := end
	if len(k.coming) > 0 && (next < 0 || k.coming[0].due < next) {
		next = k.coming[0].due
	}
	switch {
	case next < 0:
		k.idle()
	case k.cfg.Clock == Jumping:
		k.jump(next)
	default:
		t := time.AfterFunc(time.Duration(max(next-k.clock(), 0)), func() {
			k.mu.Lock()
			k.awake.Broadcast()
			k.mu.Unlock()
		})
		k.awake.Wait()
		t.Stop()
		k.arrive()
	}
}

// idle sleeps until another goroutine does something, unless the hook does.
func (k *Kernel) idle() {
	if k.cfg.Idle != nil {
		before := k.epochs
		k.mu.Unlock()
		k.cfg.Idle()
		k.mu.Lock()
		if k.epochs != before {
			return
		}
	}
	k.awake.Wait()
	k.arrive()
}
