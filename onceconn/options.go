package onceconn

import (
	"context"
	"errors"
	"io"
	"math"
	"syscall"
	"time"
)

// Forever switches a time limit of [Options] off.
const Forever time.Duration = math.MaxInt64

// RetireMode says what becomes of a connection that grew idle or too old.
// The zero value is Close.
type RetireMode uint8

const (
	// Close closes it.
	Close RetireMode = iota

	// Drop forgets it and leaves closing to its users. Connections that died or
	// were evicted, and those that are open when the Map is closed, are closed in
	// this mode too.
	Drop
)

// Options of a [Map]. Nil and the zero value of each field stand for the
// defaults in brackets. [New] copies them.
//
// Functions are called without any lock held and may use the Map, but a
// function that waits for a launch must not be one that the launch waits for. One
// that takes its time holds up its own connection and the call that needs it, not
// other keys; but a launch that Local has sent to make room waits for Busy and Close
// of the connections that it looks at.
//
// What makes no sense is refused by a panic of New that names the field: negative
// durations and numbers, unknown constants, times for a Ping that is not there, and
// IdleTimeout together with Close when nothing can say whether a connection is in
// use. Limits that undercut one another are no error; the smaller one rules: with
// Backoff.Max below Base each rest is Max, and a connection with a MaxLifetime below
// StableAfter never counts as stable.
type Options[K comparable, C any] struct {
	// LaunchTimeout ends the context of a launch [30 s]. The time in the queue
	// of MaxLaunches does not count.
	LaunchTimeout time.Duration

	// Grace is how long a launch may ignore the end of its context [5 s]. After
	// that it is an orphan: counted in Stats, its connection closed when it comes,
	// and its key free to launch again. Close waits for that long too.
	Grace time.Duration

	// Abandon says what happens to a launch nobody waits for any more
	// [AfterLast(time.Second)].
	Abandon AbandonPolicy

	// Backoff says how long a key rests after a failure [the defaults of Backoff].
	Backoff Backoff

	// OnBackoff says what callers get while their key rests [FailFast].
	OnBackoff BackoffMode

	// Permanent picks errors that are not worth a retry: the key fails with them
	// until ResetBackoff, or for DataTTL [none].
	Permanent func(error) bool

	// Local picks errors that are our own exhaustion and not the peer's fault
	// [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL]. They are not charged to the
	// key: the connection idle for longest is closed, or else all launches pause
	// for Backoff.Base, and then the launch runs once more.
	Local func(error) bool

	// IdleTimeout retires a connection that was not handed out for that long,
	// has no lease and is not Busy [5 min]; it takes up to 1/32 longer.
	IdleTimeout time.Duration

	// MaxLifetime retires a connection of that age, less up to 10 % so that many
	// do not go at once [none].
	MaxLifetime time.Duration

	// DataTTL is how long a key without connection is remembered after its last
	// use, with its [WithData] and its failures [48 h]. A key that has neither is
	// forgotten at once; one that rests longer than DataTTL is remembered until its
	// rest is over, which with Backoff.Base and Max of Forever is never, but for
	// ResetBackoff.
	DataTTL time.Duration

	// MaxLaunches limits the launches that run at once, over all keys [no limit].
	// A launch that waits for that of another key keeps its place meanwhile.
	MaxLaunches int

	// Rechecks is how many launches one Get may wait for without getting a live
	// connection, before ErrFlapping [10].
	Rechecks int

	// Healthy is a cheap look at each hand-out [none]. If it says no, the
	// connection has died. It runs on the goroutine of the caller, who gets its panic.
	Healthy func(C) bool

	// Busy says whether a connection is in use without a lease: open streams
	// [never].
	Busy func(C) bool

	// Ping checks a connection that was not handed out for PingAfterIdle before it
	// is handed out again [none]. An error is its death. Callers wait for one Ping
	// together, each under its own context. TryGet does not wait: it finds nothing
	// until somebody else's Ping has succeeded.
	Ping func(context.Context, C) error

	// PingAfterIdle is how long a connection goes without Ping [1 s]; up to a quarter
	// less, or two milliseconds if that is more, since time is looked at in steps.
	// Without Ping it must be zero.
	PingAfterIdle time.Duration

	// PingTimeout ends the context of a Ping [5 s]. One that ignores it is given up
	// after Grace, and its connection with it. Without Ping it must be zero.
	PingTimeout time.Duration

	// Watch is called when a connection opens, before anyone gets it. It
	// arranges for dead to be called when the connection dies, at any time, from
	// anywhere, any number of times. dead neither blocks nor calls back. The
	// function that it returns, if any, is called once before the connection is
	// closed [none].
	Watch func(c C, dead func(cause error)) (stop func())

	// OnRetire says what to do with an idle or aged connection [Close].
	OnRetire RetireMode

	// Close closes a connection [its Close method, if it is an io.Closer].
	//
	// With IdleTimeout, and OnRetire left at Close, it needs Busy: nothing else
	// says whether those who got the connection from Get still use it. If all use
	// is by Acquire and Do, say so with a Busy that returns false.
	Close func(C) error

	// Hooks tell what happens.
	Hooks Hooks
}

// Hooks are told what a [Map] does; each may be nil. They are called without
// locks, on the goroutine where it happens, before those who wait for it are
// woken: keep them short. Calls for different keys may run at once. A panic in
// a hook is counted in Stats and goes no further.
type Hooks struct {
	// LaunchStart is called before each call of the launch function.
	LaunchStart func(key any, attempt int)

	// LaunchEnd is called after each call of the launch function.
	LaunchEnd func(key any, attempt int, took time.Duration, err error)

	// Evict is called when a connection is no longer handed out: it died, was
	// evicted, idle, or too old, or the Map is closing (ErrClosed).
	Evict func(key any, cause error)

	// Backoff is called when a key begins to rest; retryAt is zero if it rests
	// until ResetBackoff.
	Backoff func(key any, err error, retryAt time.Time)
}

// resolve copies o and fills in the defaults. It panics on what makes no sense.
func resolve[K comparable, C any](o *Options[K, C]) Options[K, C] {
	var r Options[K, C]
	if o != nil {
		r = *o
	}
	positive("LaunchTimeout", r.LaunchTimeout)
	positive("Grace", r.Grace)
	positive("IdleTimeout", r.IdleTimeout)
	positive("MaxLifetime", r.MaxLifetime)
	positive("DataTTL", r.DataTTL)
	positive("PingAfterIdle", r.PingAfterIdle)
	positive("PingTimeout", r.PingTimeout)
	switch {
	case r.MaxLaunches < 0:
		panic("onceconn: negative Options.MaxLaunches")
	case r.Rechecks < 0:
		panic("onceconn: negative Options.Rechecks")
	case r.Abandon < AtOnce:
		panic("onceconn: unknown Options.Abandon")
	case r.OnBackoff > Wait:
		panic("onceconn: unknown Options.OnBackoff")
	case r.OnRetire > Drop:
		panic("onceconn: unknown Options.OnRetire")
	case r.Close != nil && r.IdleTimeout > 0 && r.IdleTimeout < Forever && r.Busy == nil && r.OnRetire == Close:
		panic("onceconn: Options.IdleTimeout with Close needs Busy, or OnRetire: Drop")
	case r.Ping == nil && (r.PingAfterIdle != 0 || r.PingTimeout != 0):
		panic("onceconn: Options.PingAfterIdle or PingTimeout without Ping")
	}
	r.Backoff.setDefaults()
	r.LaunchTimeout = or(r.LaunchTimeout, 30*time.Second)
	r.Grace = or(r.Grace, 5*time.Second)
	r.Abandon = or(r.Abandon, AfterLast(time.Second))
	r.IdleTimeout = or(r.IdleTimeout, 5*time.Minute)
	r.MaxLifetime = or(r.MaxLifetime, Forever)
	r.DataTTL = or(r.DataTTL, 48*time.Hour)
	r.Rechecks = or(r.Rechecks, 10)
	r.PingAfterIdle = or(r.PingAfterIdle, time.Second)
	r.PingTimeout = or(r.PingTimeout, 5*time.Second)
	if r.Local == nil {
		r.Local = exhausted
	}
	if r.Close == nil {
		r.Close = closeIfCloser[C]
	}
	return r
}

// exhausted picks the errors that say that this machine or process, not the
// peer, has run out of something.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) ||
		errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

func closeIfCloser[C any](c C) error {
	if closer, ok := any(c).(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

func positive(name string, d time.Duration) {
	if d < 0 {
		panic("onceconn: negative Options." + name)
	}
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
