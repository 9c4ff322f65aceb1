package waitmap

import "strconv"

// Outcome says what became of a value given to [Map.Wake], [Map.Fail],
// [Map.Post] or [Map.WakeAll].
//
// The zero Outcome is none of the values below and is never returned.
type Outcome uint8

const (
	// Woke: the wait of that key ended with the value; exactly one receiver
	// gets it.
	Woke Outcome = iota + 1
	// NoMatch: nobody waits for the key. The value is still the caller's.
	NoMatch
	// Closed: the map is closed. The value is still the caller's.
	Closed
	// Stored: nobody waits for the key, and Post has put the value by for the
	// next one who does.
	Stored
	// Full: nobody waits for the key and Post could not store the value, either
	// because a value of that key is stored already or because the mailbox is
	// full. The value is still the caller's.
	Full
)

// String returns the name of the outcome, such as "Woke".
func (o Outcome) String() string {
	switch o {
	case Woke:
		return "Woke"
	case NoMatch:
		return "NoMatch"
	case Closed:
		return "Closed"
	case Stored:
		return "Stored"
	case Full:
		return "Full"
	}
	return "Outcome(" + strconv.Itoa(int(o)) + ")"
}
