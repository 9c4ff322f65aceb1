package simkernel

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"example.com/interlock/aio/internal/sys"
)

// Config says what kind of kernel New makes.
type Config struct {
	Manners Manners
	Chance  Chance
	Seed    uint64 // of everything that Chance leaves to luck
	Clock   Clock

	Buffer     int   // bytes in flight in one direction of a connection; 0: 64 KiB
	PipeBuffer int   // bytes in a pipe; 0: 64 KiB
	PipeAtomic int   // PIPE_BUF; 0: 4096, at most a quarter of PipeBuffer
	Files      int   // open descriptors; 0: 1<<20
	First      int   // the lowest number; 0: 3
	Latency    int64 // the longest time in ns that tcp takes to carry anything; 0: none
	Cost       int64 // what a call takes by the Jumping clock, in ns; 0: 1000

	// Idle is called, without locks, by a wait that has no end in sight: no
	// event, no timeout, nothing on its way. What it does may end the wait;
	// otherwise the wait sleeps until somebody else does something.
	Idle func()
	// Trace is told of every call when it is over, under the kernel's lock.
	Trace func(call Call, fd, n int, e sys.Errno)
}

// Clock is how time goes by.
type Clock uint8

const (
	// Jumping time belongs to the kernel: a call takes Cost, and a wait
	// without events jumps to its end. One goroutine has the same history
	// in every run.
	Jumping Clock = iota
	// Flowing time is package time's: use it in a testing/synctest bubble
	// for rings with goroutines of their own.
	Flowing
)

// Kernel is a simulated kernel. New makes one; it must not be copied. Its
// methods may be called by any number of goroutines.
//
// Invariants:
//
//  1. nums[n] is nil exactly when n is not open; a new number is the lowest
//     that is nil.
//  2. A file lives while a number or a queue (of a listener) holds it; the
//     last one to let go closes it.
//  3. A watch is in its file's list from registration until removal, and in
//     its poller's queue at most once.
//  4. Whatever changes what a file is ready for calls its wake afterwards,
//     under the same hold of mu.
type Kernel struct {
	mu     sync.Mutex // protects everything below
	awake  sync.Cond  // something has changed, for those who wait
	cfg    Config
	m      Manners // cfg.Manners
	luck   *rand.Rand
	nums   []*file
	low    int // no number below is free
	open   int
	now    int64
	start  time.Time // Flowing: when now was 1
	coming timers
	order  uint64 // of timers that are due at the same time
	epochs uint64 // bumped by every call: has anything happened since?

	bound  map[place]*socket // who has which address
	port   uint16            // the last one given
	routes map[string]Route
	faults []*Fault
	calls  [callCount]int
	misuse []string
}

var _ sys.Kernel = (*Kernel)(nil)

// New makes a kernel with nothing open.
func New(cfg Config) *Kernel {
	cfg.Buffer = orElse(cfg.Buffer, 64<<10)
	cfg.PipeBuffer = orElse(cfg.PipeBuffer, 64<<10)
	cfg.PipeAtomic = orElse(cfg.PipeAtomic, max(min(4096, cfg.PipeBuffer/4), 1))
	cfg.Files = orElse(cfg.Files, 1<<20)
	cfg.First = orElse(cfg.First, 3)
	if cfg.Cost == 0 {
		cfg.Cost = 1000
	}
	if cfg.Manners.Poller == 0 {
		cfg.Manners = Linux()
	}
	k := &Kernel{
		cfg:    cfg,
		m:      cfg.Manners,
		luck:   rand.New(rand.NewPCG(cfg.Seed, 0x696e7465726c6f63)),
		low:    cfg.First,
		now:    1,
		start:  time.Now(),
		port:   49151,
		bound:  map[place]*socket{},
		routes: map[string]Route{},
	}
	k.awake.L = &k.mu
	return k
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Poller is the manners' poller.
func (k *Kernel) Poller() sys.Poller { return k.m.Poller }

// UserEvents says whether the manners have EVFILT_USER.
func (k *Kernel) UserEvents() bool { return k.m.UserEvents }

// enter begins a call: it takes the lock, lets time go by and looks whether
// the call is meant to fail. The caller unlocks with leave.
func (k *Kernel) enter(call Call, fd int) sys.Errno {
	k.mu.Lock()
	k.calls[call]++
	k.epochs++
	if k.cfg.Clock == Jumping {
		k.now += k.cfg.Cost
	}
	k.arrive()
	return k.fault(call, fd)
}

func (k *Kernel) leave(call Call, fd, n int, e sys.Errno) {
	if k.cfg.Trace != nil {
		k.cfg.Trace(call, fd, n, e)
	}
	k.awake.Broadcast()
	k.mu.Unlock()
}

// get is the file behind a number; a number that is not open is misuse.
func (k *Kernel) get(call Call, fd int) (*file, sys.Errno) {
	if fd < 0 || fd >= len(k.nums) || k.nums[fd] == nil {
		k.misuse = append(k.misuse, fmt.Sprintf("%v of %d, which is not open", call, fd))
		return nil, syscall.EBADF
	}
	return k.nums[fd], 0
}

// give opens the lowest number on f.
func (k *Kernel) give(f *file) (int, sys.Errno) {
	if k.open >= k.cfg.Files {
		return -1, syscall.EMFILE
	}
	for k.low < len(k.nums) && k.nums[k.low] != nil {
		k.low++
	}
	for k.low >= len(k.nums) {
		k.nums = append(k.nums, nil)
	}
	fd := k.low
	k.nums[fd] = f
	k.open++
	f.refs++
	return fd, 0
}

// Dup gives a second number of the same file.
func (k *Kernel) Dup(fd int) (n int, e sys.Errno) {
	e = k.enter(CallDup, fd)
	defer func() { k.leave(CallDup, fd, n, e) }()
	if e != 0 {
		return -1, e
	}
	f, e := k.get(CallDup, fd)
	if e != 0 {
		return -1, e
	}
	return k.give(f)
}

// Close closes the number. A fault lets the call fail as linux does: the
// number is gone all the same.
func (k *Kernel) Close(fd int) (e sys.Errno) {
	injected := k.enter(CallClose, fd)
	defer func() { k.leave(CallClose, fd, 0, e) }()
	f, e := k.get(CallClose, fd)
	if e != 0 {
		return e
	}
	k.nums[fd] = nil
	k.low = min(k.low, fd)
	k.open--
	f.unwatchNumber(fd)
	k.drop(f)
	return injected
}

// drop lets go of f; the last holder closes it.
func (k *Kernel) drop(f *file) {
	if f.refs--; f.refs > 0 {
		return
	}
	f.unwatchAll()
	f.node.close(k)
}

// Adopt says what a descriptor is.
func (k *Kernel) Adopt(fd int) (in sys.Info, e sys.Errno) {
	e = k.enter(CallAdopt, fd)
	defer func() { k.leave(CallAdopt, fd, 0, e) }()
	if e != 0 {
		return in, e
	}
	f, e := k.get(CallAdopt, fd)
	if e != 0 {
		return in, e
	}
	return f.node.info(), 0
}

// Open lists the numbers that are open, in order.
func (k *Kernel) Open() (fds []int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for fd, n := range k.nums {
		if n != nil {
			fds = append(fds, fd)
		}
	}
	return fds
}

// Misuse lists the calls on numbers that were not open. A correct user of
// descriptors makes none: between its close and its reuse a number is nobody's.
func (k *Kernel) Misuse() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.misuse...)
}

// Calls says how often a call was made.
func (k *Kernel) Calls(c Call) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls[c]
}
