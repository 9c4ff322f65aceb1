package sys

// MaxVector is how many buffers one Readv, Writev or Sendv takes; every system
// has an IOV_MAX of at least so many.
const MaxVector = 1024

// Pieces calls take with what a vector call may move: the parts of bufs that
// are not empty, but for the first skip bytes of all, until there are
// MaxVector of them or take refuses. The parts together are at most 1 GiB.
func Pieces(bufs [][]byte, skip int, take func(p []byte) bool) {
	const limit = 1 << 30
	room, count := limit, 0
	for _, p := range bufs {
		if skip >= len(p) {
			skip -= len(p)
			continue
		}
		p = p[skip:]
		skip = 0
		p = p[:min(len(p), room)]
		if count == MaxVector || len(p) == 0 || !take(p) {
			return
		}
		count++
		room -= len(p)
	}
}
