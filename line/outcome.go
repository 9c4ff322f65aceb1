package line

import "strconv"

// Epoch counts how often a line has ended a repair, for better or worse. Note
// it before the work that may fail; a failure is news to the line only if the
// line is still in that epoch.
type Epoch uint64

// Outcome is what became of an Enter.
type Outcome uint8

const (
	// Acquired: the caller holds the line. It repairs and then ends its Token.
	Acquired Outcome = iota + 1
	// Busy: somebody else repairs. The caller waits, then retries its work.
	Busy
	// Stale: the repair that the caller calls for has been made, or has
	// failed, since. The caller looks at Err: nil asks it to retry its work.
	Stale
)

// String returns the name of the constant.
func (o Outcome) String() string {
	switch o {
	case Acquired:
		return "Acquired"
	case Busy:
		return "Busy"
	case Stale:
		return "Stale"
	}
	return "Outcome(" + strconv.Itoa(int(o)) + ")"
}
