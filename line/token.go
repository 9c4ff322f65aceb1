package line

// A Token is the proof of holding a line, made by the Enter or the Wait that
// acquired it. It is a value; it may be copied and handed to another
// goroutine, and one of its copies is to be ended by Release, Fail or Yield.
// To end a token again, by any copy, panics and changes nothing. The zero
// Token holds nothing, and to end it panics too.
type Token struct {
	line   *Line
	epoch  Epoch
	yields uint64
}

// Valid reports whether t holds its line at this moment.
func (t Token) Valid() bool { return t.line != nil && t.line.goesOn(t.epoch, t.yields) }

// Release ends the hold: repaired. The epoch moves on, and the waiters and
// whoever failed in the same epoch retry.
func (t Token) Release() {
	// Nobody waits, nobody has yielded in this epoch: then the state says all
	// of it, and a spent token cannot match. Small enough to be inlined.
	s := uint64(t.epoch) << epochShift
	if t.line == nil || !t.line.state.CompareAndSwap(s|held, s+1<<epochShift) {
		t.release()
	}
}

func (t Token) release() { t.end("Release", nil) }

// Fail ends the hold: not repaired. The epoch moves on, and err is the verdict
// for the waiters and for whoever failed in the same epoch, so that nobody
// tries the same repair again for the same failure. A nil err panics.
func (t Token) Fail(err error) {
	if err == nil {
		panic("line: Fail(nil): a repair that worked is a Release")
	}
	t.end("Fail", err)
}

// Yield gives the line up without a verdict, as a holder does whose own
// context has ended. One of the waiters that are parked in Wait goes on as the
// holder, before any newcomer; if none is parked the line is free. The epoch
// stays.
func (t Token) Yield() {
	b := t.claim("Yield")
	l, p := t.line, b.period
	b.period = nil
	inherited := p != nil && p.parked > 0
	l.yields.Add(1) // while it is still held: who looks now finds another hold
	s := uint64(t.epoch)<<epochShift | yielded | l.state.Load()&owned
	if inherited {
		s |= held
	}
	l.state.Store(s)
	b.finish(p, nil, true)
	if !inherited {
		b.free()
	}
}

// end is Release and Fail where more is to be done than to move the epoch.
func (t Token) end(verb string, err error) {
	b := t.claim(verb)
	l, p := t.line, b.period
	b.period = nil
	var f *failure
	if err != nil {
		f = &failure{t.epoch, err, b.failed.Load().since(t.epoch - min(t.epoch, 2))}
		b.failed.Store(f) // invariant 4
	}
	l.state.Store(uint64(t.epoch+1)<<epochShift | l.state.Load()&owned)
	b.finish(p, f, false)
	b.free()
}

// claim locks the line's lobby and makes sure that t holds the line, and that
// from here on the state changes under the lock only. If t is spent, it
// panics and has changed nothing.
func (t Token) claim(verb string) *lobby {
	if t.line == nil {
		panic("line: " + verb + " of a zero Token")
	}
	b := t.line.openLobby()
	b.mu.Lock()
	for {
		s := t.line.state.Load()
		if !t.Valid() {
			b.mu.Unlock()
			panic("line: " + verb + " of a Token that was ended before")
		}
		if t.line.state.CompareAndSwap(s, s|waited) {
			return b
		}
	}
}

// finish ends period p with its outcome, if there is one, and unlocks b.mu.
// The waiters are woken after that: they may be many.
func (b *lobby) finish(p *period, f *failure, yielded bool) {
	if p != nil {
		p.over, p.failed, p.yielded = true, f, yielded
	}
	b.mu.Unlock()
	if p != nil {
		close(p.done)
	}
}

// free tells the owner, if there is one, that a hold has left the line free.
func (b *lobby) free() {
	if b.owner != nil {
		b.owner.ended()
	}
}
