package line

// PassOfNextHold returns a Busy Pass of the hold that will begin next, as Enter
// makes it when a Yield comes between its two looks at the line. The line must
// be free.
func (l *Line) PassOfNextHold() Pass { return l.pass(Busy, l.state.Load()) }

// Lines returns how many lines the group has.
func (g *Group[K]) Lines() int { return len(g.lines) }

// EndOf returns what the line of key will call when a hold has ended.
func (g *Group[K]) EndOf(key K) (ended func()) { return g.lines[key].ended }
