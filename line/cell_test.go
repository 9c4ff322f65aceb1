package line_test

import (
	"context"
	"errors"
	"testing"

	"example.com/interlock/line"
)

func TestCellRenewsOnceForOneEpoch(t *testing.T) {
	c := line.NewCell("a")
	v, since := c.Load()
	if v != "a" || since != 0 {
		t.Fatalf("%q, %d", v, since)
	}
	calls := 0
	for range 3 {
		v, epoch, err := c.Renew(t.Context(), since, func(_ context.Context, old string) (string, error) {
			calls++
			return old + "b", nil
		})
		if v != "ab" || epoch != 1 || err != nil {
			t.Errorf("%q, %d, %v; want ab, 1", v, epoch, err)
		}
	}
	if v, e := c.Load(); v != "ab" || e != 1 || calls != 1 {
		t.Errorf("%q, %d after %d renewals", v, e, calls)
	}
}

func TestCellKeepsTheOldValueWhenRenewFails(t *testing.T) {
	c := line.NewCell(1)
	for range 2 { // the second gets the verdict
		v, epoch, err := c.Renew(t.Context(), 0, func(context.Context, int) (int, error) { return 2, errNo })
		if v != 1 || epoch != 1 || err != errNo {
			t.Errorf("%d, %d, %v; want the old value, the present epoch, the error", v, epoch, err)
		}
	}
	cause := errors.New("late")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if v, epoch, err := c.Renew(ctx, 1, func(context.Context, int) (int, error) { return 3, nil }); v != 1 || epoch != 1 || err != cause {
		t.Errorf("with an ended context: %d, %d, %v", v, epoch, err)
	}
}

func TestCellZeroValueHoldsTheZeroValue(t *testing.T) {
	var c line.Cell[string]
	if v, e := c.Load(); v != "" || e != 0 {
		t.Errorf("%q, %d", v, e)
	}
	if v, _, err := c.Renew(t.Context(), 0, func(_ context.Context, old string) (string, error) { return old + "x", nil }); v != "x" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
}

func TestCellWithANilRenewPanics(t *testing.T) {
	wantPanic(t, func() { line.NewCell(0).Renew(t.Context(), 0, nil) }, "nil renew")
}
