package dial

import "example.com/interlock/onceconn"

// NewMap returns a onceconn.Map whose launches are dials of d and whose open
// connections are watched, so that one whose peer hangs up is replaced before a
// caller meets it. opts may be nil; an Options.Watch of the user's takes the place
// of the watch. Close the Map before the Dialer.
//
// Where nothing can be watched (see [Dialer]), and in the rare case that the system
// refuses a watch for want of descriptors, connections are used unwatched.
//
// A nil Dialer panics.
func NewMap(d *Dialer, opts *onceconn.Options[Addr, *Conn]) *onceconn.Map[Addr, *Conn] {
	if d == nil {
		panic("dial: NewMap with a nil Dialer")
	}
	var o onceconn.Options[Addr, *Conn]
	if opts != nil {
		o = *opts
	}
	if o.Watch == nil {
		o.Watch = watch
	}
	return onceconn.New(d.Launch(), &o)
}

// watch is the Options.Watch of NewMap.
func watch(c *Conn, dead func(cause error)) (stop func()) {
	if c.ring == nil {
		return nil
	}
	stop, _ = WatchConn(c.ring, c, WatchOptions{}, dead)
	return stop
}
