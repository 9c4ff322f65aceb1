package core

import "unsafe"

// A Lock is a modelled mutex, or a reader/writer mutex with preference for
// writers: a writer first announces itself, which keeps new readers out, and
// gets the lock from the last reader that was in.
type Lock struct {
	o         Obj
	held      bool
	announced *Task // the writer that waits for the readers to leave
	readers   int
	toReaders int32 // edges for the race detector
	toWriters int32
}

// free is the condition to take a mutex, to announce a writer and to read.
type free Lock

//go:norace
func (l *free) Ready(*Task) bool { return !l.held && l.announced == nil }

// renew forgets the state that another execution left.
//
//go:norace
func (l *Lock) renew() {
	if l.o.Stale() {
		*l = Lock{}
	}
}

// Lock takes the lock for writing.
//
//go:norace
func (l *Lock) Lock(t *Task) {
	l.renew()
	t.Begin(KindLock, (*free)(l))
	t.Touch(&l.o, Write)
	t.Park()
	if l.readers == 0 {
		l.held = true
	} else {
		l.announced = t
		t.Begin(KindLock, Never)
		t.Touch(&l.o, Write)
		t.Park()
	}
	if Race {
		Acquire(unsafe.Pointer(&l.toReaders))
		Acquire(unsafe.Pointer(&l.toWriters))
	}
}

// TryLock takes the lock if it is free.
//
//go:norace
func (l *Lock) TryLock(t *Task) bool {
	l.renew()
	Point(KindTryLock, &l.o, Write, nil)
	if l.held || l.announced != nil || l.readers > 0 {
		t.OnlyRead(&l.o)
		return false
	}
	l.held = true
	if Race {
		Acquire(unsafe.Pointer(&l.toReaders))
		Acquire(unsafe.Pointer(&l.toWriters))
	}
	return true
}

// Unlock gives back what Lock took; what names the mutex in the message.
//
//go:norace
func (l *Lock) Unlock(t *Task, message string) {
	l.renew()
	Point(KindUnlock, &l.o, Write, nil)
	if !l.held {
		t.Fail(KindOfFatal, message)
	}
	l.held = false
	if Race {
		Release(unsafe.Pointer(&l.toReaders))
	}
}

// RLock takes the lock for reading.
//
//go:norace
func (l *Lock) RLock(t *Task) {
	l.renew()
	t.Begin(KindRLock, (*free)(l))
	t.Touch(&l.o, Inc)
	t.Park()
	l.readers++
	if Race {
		Acquire(unsafe.Pointer(&l.toReaders))
	}
}

// TryRLock takes the lock for reading if no writer has or wants it.
//
//go:norace
func (l *Lock) TryRLock(t *Task) bool {
	l.renew()
	Point(KindTryLock, &l.o, Write, nil)
	if l.held || l.announced != nil {
		t.OnlyRead(&l.o)
		return false
	}
	t.As(&l.o, Inc)
	l.readers++
	if Race {
		Acquire(unsafe.Pointer(&l.toReaders))
	}
	return true
}

// RUnlock gives back what RLock took. Two of them commute with each other and
// with RLock; the last one to leave lets the announced writer in.
//
//go:norace
func (l *Lock) RUnlock(t *Task) {
	l.renew()
	Point(KindRUnlock, &l.o, Inc, nil)
	if l.readers == 0 {
		t.Fail(KindOfFatal, "sync: RUnlock of unlocked RWMutex")
	}
	l.readers--
	if Race {
		ReleaseMerge(unsafe.Pointer(&l.toWriters))
	}
	if w := l.announced; w != nil && l.readers == 0 {
		t.As(&l.o, Write)
		l.announced, l.held = nil, true
		w.free(0)
	}
}
