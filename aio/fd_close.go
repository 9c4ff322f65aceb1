package aio

import "example.com/interlock/aio/internal/sys"

// Close closes the descriptor. Everything that is pending on it, in any
// style, ends with ErrClosed, and so does every later call. The number is not
// free for reuse before the last system call that uses it has returned. A
// second Close returns ErrClosed.
func (f *FD) Close() error {
	out, last, err := f.end(0)
	if err != nil {
		return err
	}
	if last {
		err = f.shut()
	}
	f.ring.finishAll(&out)
	return err
}

// Reset closes a TCP connection at once, with a RST: the peer gets
// ECONNRESET, what was not sent yet is dropped. Else it is as Close.
func (f *FD) Reset() error {
	if !f.hold() {
		return ErrClosed
	}
	f.ring.k.SetOption(int(f.sysfd), sys.OptReset, 0)
	err := f.Close()
	f.unhold()
	return err
}

// Release gives the system's descriptor to the caller, who closes it from now
// on; it is non-blocking. For everybody else the FD is closed: what is pending
// ends with ErrClosed.
func (f *FD) Release() (sysfd int, err error) {
	out, last, err := f.end(fdReleased)
	if err != nil {
		return -1, err
	}
	f.ring.finishAll(&out)
	if !last {
		f.mu.Lock()
		if f.bits&fdGone != 0 {
			f.mu.Unlock()
		} else {
			free := f.ring.gates.enter(f)
			f.mu.Unlock()
			<-free
		}
	}
	return int(f.sysfd), nil
}

// end marks f closed, takes it out of the ring and takes over what is pending,
// but heads in a call: their runners see to them. last: nobody uses the number.
func (f *FD) end(how fdBits) (out opList, last bool, err error) {
	f.mu.Lock()
	if f.bits&fdClosed != 0 {
		f.mu.Unlock()
		return out, false, ErrClosed
	}
	f.bits |= fdClosed | how
	f.takeOver(&f.rd, &out)
	f.takeOver(&f.wr, &out)
	f.dismiss(&out)
	f.ring.poll.forget(f, how&fdReleased != 0)
	emptied := f.ring.table.drop(f)
	last = f.leave()
	f.mu.Unlock()
	if emptied {
		f.ring.mu.Lock()
		f.ring.table.trim()
		f.ring.mu.Unlock()
	}
	return out, last, nil
}

// dismiss takes all that waits in no direction.
func (f *FD) dismiss(out *opList) {
	for op := f.waits; op != nil; {
		next := op.next
		if f.regain(op) {
			f.unlink(op)
			op.err = ErrClosed
			out.push(op)
		}
		op = next
	}
}

// takeOver takes all operations of a direction but one that runs.
func (f *FD) takeOver(d *dir, out *opList) {
	op := d.head
	if op != nil && (f.runs(op) || !f.regain(op)) {
		op = op.next
	}
	for op != nil {
		next := op.next
		f.unlink(op)
		op.err = ErrClosed
		out.push(op)
		op = next
	}
}

// leave is called with mu held by whoever stops using the number. true: it was
// the last one after the end, and calls shut without mu.
func (f *FD) leave() bool {
	if f.bits&(fdAwaited|fdClosed) == 0 || f.busy() {
		return false
	}
	if f.bits&fdAwaited != 0 {
		f.bits &^= fdAwaited
		f.ring.gates.open(&f.bits, true)
	}
	if f.bits&(fdClosed|fdGone) != fdClosed {
		return false
	}
	f.bits |= fdGone
	return true
}

// busy says whether somebody uses the number. mu is held.
func (f *FD) busy() bool { return f.holds != 0 || (f.rd.bits|f.wr.bits)&dirRunning != 0 }

// shut closes the number, or tells Release that it is free.
func (f *FD) shut() error {
	if f.bits&fdReleased != 0 { // constant since the end
		f.ring.gates.open(f, true)
		return nil
	}
	if e := f.ring.k.Close(int(f.sysfd)); e != 0 {
		return &OpError{"close", "", e}
	}
	return nil
}
