package sys_test

import (
	"strings"
	"testing"

	"example.com/interlock/aio/internal/sys"
)

func pieces(skip int, bufs ...[]byte) string {
	var got []string
	sys.Pieces(bufs, skip, func(p []byte) bool {
		got = append(got, string(p))
		return true
	})
	return strings.Join(got, "|")
}

func TestPiecesSkipAndLeaveOutWhatIsEmpty(t *testing.T) {
	bufs := [][]byte{nil, []byte("ab"), {}, []byte("cde"), []byte("f")}
	for skip, want := range []string{"ab|cde|f", "b|cde|f", "cde|f", "de|f", "e|f", "f", "", ""} {
		if got := pieces(skip, bufs...); got != want {
			t.Errorf("skip %d: %q, want %q", skip, got, want)
		}
	}
}

func TestPiecesAreAsManyAsOneCallTakes(t *testing.T) {
	bufs := make([][]byte, sys.MaxVector+10)
	for i := range bufs {
		bufs[i] = []byte("x")
	}
	bufs[3] = nil
	n := 0
	sys.Pieces(bufs, 1, func([]byte) bool { n++; return true })
	if n != sys.MaxVector {
		t.Errorf("%d pieces, want %d", n, sys.MaxVector)
	}
	n = 0
	sys.Pieces(bufs, 0, func([]byte) bool { n++; return n < 5 })
	if n != 5 {
		t.Errorf("%d pieces after a refusal, want 5", n)
	}
}

// One call moves at most 1 GiB: the last piece is cut, and none follows.
func TestPiecesAreAtMostAGiBTogether(t *testing.T) {
	half := make([]byte, 1<<29) // given three times, never touched
	size, n := 0, 0
	sys.Pieces([][]byte{half, half[1:], half}, 0, func(p []byte) bool { size += len(p); n++; return true })
	if size != 1<<30 || n != 3 {
		t.Errorf("%d bytes in %d pieces", size, n)
	}
}

func TestRightsComeBackFromControlData(t *testing.T) {
	for _, fds := range [][]int{nil, {3}, {3, 1 << 20, 0}} {
		oob := sys.Rights(fds)
		if len(oob) > sys.RightsSpace(len(fds)) {
			t.Errorf("%v: %d bytes, more than the space for them", fds, len(oob))
		}
		got := sys.ParseRights(oob)
		if len(got) != len(fds) {
			t.Fatalf("%v, want %v", got, fds)
		}
		for i := range fds {
			if got[i] != fds[i] {
				t.Errorf("%v, want %v", got, fds)
			}
		}
	}
	if got := sys.ParseRights(make([]byte, 3)); got != nil {
		t.Errorf("of rubbish: %v", got)
	}
}
