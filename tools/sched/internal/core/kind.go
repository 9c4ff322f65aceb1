package core

// A Kind names an operation, for reports and for the few pairs of operations
// that can never be possible in the same state.
type Kind uint8

const (
	KindStart Kind = iota
	KindLock
	KindUnlock
	KindTryLock
	KindRLock
	KindRUnlock
	KindCondWait
	KindCondSignal
	KindCondBroadcast
	KindGroupAdd
	KindGroupWait
	KindOnceDo
	KindOnceEnd
	KindLoad
	KindStore
	KindAdd
	KindSwap
	KindCAS
	KindMap
	KindPool
	KindSend
	KindRecv
	KindClose
	KindLen
	KindSelect
	KindContext
	KindCancel
	KindTimer
	KindFire
	KindNow
	KindSleep
	KindYield
	KindJoin
	KindCall
	KindReturn
	KindCount
)

var kindNames = [...]string{
	KindStart:         "start",
	KindLock:          "lock",
	KindUnlock:        "unlock",
	KindTryLock:       "try to lock",
	KindRLock:         "read-lock",
	KindRUnlock:       "read-unlock",
	KindCondWait:      "wait on cond",
	KindCondSignal:    "signal cond",
	KindCondBroadcast: "broadcast cond",
	KindGroupAdd:      "add to wait group",
	KindGroupWait:     "wait for wait group",
	KindOnceDo:        "enter once",
	KindOnceEnd:       "leave once",
	KindLoad:          "atomic load",
	KindStore:         "atomic store",
	KindAdd:           "atomic add",
	KindSwap:          "atomic swap",
	KindCAS:           "compare and swap",
	KindMap:           "use sync.Map",
	KindPool:          "use pool",
	KindSend:          "send",
	KindRecv:          "receive",
	KindClose:         "close",
	KindLen:           "len",
	KindSelect:        "select",
	KindContext:       "use context",
	KindCancel:        "cancel",
	KindTimer:         "set or stop timer",
	KindFire:          "timer fires",
	KindNow:           "read clock",
	KindSleep:         "sleep",
	KindYield:         "yield",
	KindJoin:          "join",
	KindCall:          "call",
	KindReturn:        "return",
	KindCount:         "count goroutines",
}

func (k Kind) String() string { return kindNames[k] }

// apart reports whether an event of kind done proves that an operation of kind
// next on the same object was impossible just before it: a lock that was
// unlocked was held. Such a pair cannot be swapped, and only the events before
// it matter.
//
//go:norace
func apart(done, next Kind) bool {
	switch next {
	case KindLock:
		return done == KindUnlock // not RUnlock: a writer announces itself to readers
	case KindRLock:
		return done == KindUnlock
	case KindOnceDo:
		return done == KindOnceEnd
	}
	return false
}
