package core

// anyOf is the condition of a select: the ports that need no partner.
type anyOf struct{ ports []Port }

//go:norace
func (a *anyOf) Ready(*Task) bool {
	for _, p := range a.ports {
		if possible(p) {
			return true
		}
	}
	return false
}

//go:norace
func possible(p Port) bool {
	h := p.At()
	if h == nil {
		return false
	}
	if p.Sending() {
		return h.sendReady()
	}
	return h.recvReady()
}

// Select performs one of the operations, any that is possible, and returns
// which; -1 is the default.
//
//go:norace
func Select(t *Task, hasDefault bool, ports []Port) int {
	queues := false
	open := 0
	for _, p := range ports {
		h := p.At()
		if h == nil {
			continue
		}
		open++
		if h.signal() && p.Sending() {
			h.promote(t)
		}
		queues = queues || h.general
	}
	if open == 0 && !hasDefault {
		t.Forever(KindSelect)
	}
	c := &anyOf{ports}
	if hasDefault || queues {
		t.Begin(KindSelect, nil)
	} else {
		t.Begin(KindSelect, c)
	}
	touch(t, ports)
	t.Park()
	if i := t.oneOf(ports, -1); i >= 0 {
		return i
	}
	if hasDefault {
		return -1
	}
	if i := enqueue(t, KindSelect, ports, c); i >= 0 {
		return i
	}
	return t.oneOf(ports, 0)
}

// oneOf completes one of the operations that are possible. The others were
// only looked at: so says the footprint, unless the task had queued up.
//
//go:norace
func (t *Task) oneOf(ports []Port, queued int) int {
	n := 0
	for _, p := range ports {
		if possible(p) {
			n++
		}
	}
	i := -1
	if n > 0 {
		k := t.Choose(n)
		for j, p := range ports {
			if !possible(p) {
				continue
			}
			if k == 0 {
				i = j
				break
			}
			k--
		}
	}
	if queued < 0 {
		*E.event = Foot{}
		for j, p := range ports {
			h := p.At()
			if h == nil {
				continue
			}
			a := Read
			if j == i && !h.signal() && (p.Sending() || !h.Closed || h.Len > 0) {
				a = Write
			}
			E.event.add(E.bits(h.obj()), a)
		}
		if E.event.any&^E.event.read == 0 {
			t.wrote = t.before
		}
	}
	if i >= 0 {
		complete(t, ports[i])
	}
	return i
}
