package canceltree_test

import (
	"testing"
	"testing/synctest"
)

// FuzzScript runs bytes as a script, three to a step, against the same model.
func FuzzScript(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x01\x00\x04\x01\x00\x06\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x0d\x00\x01\x09\x02\x00\x04\x01\x00\x06\x00\x00"))
	wide := []byte{0, 0, 0}
	for range 20 {
		wide = append(wide, 0, 1, 0)
	}
	f.Add(append(wide, 4, 1, 0, 4, 2, 0, 4, 3, 0, 4, 4, 0, 6, 0, 0))
	f.Add([]byte("\x0e\x00\x02\x00\x01\x00\x09\x02\x00\x0b\x02\x00\x04\x01\x00\x0f\x00\x02\x0f\x00\x01"))
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) { run(t, script) })
	})
}

func run(t *testing.T, script []byte) {
	m := newMachine()
	for ; len(script) >= 3 && len(m.handles) < 300; script = script[3:] {
		if err := m.step(int(script[0]), int(script[1]), int(script[2])); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
	if err := m.finish(); err != nil {
		t.Fatal(err)
	}
}
