package simkernel_test

import (
	"testing"
	"testing/synctest"
	"time"

	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

func TestNest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, simkernel.Nested(), func(c *simkernel.Config) { c.Clock = simkernel.Flowing })
		ep := k.poller()
		rd, wr := k.pipe()
		k.watchPipe(ep, rd)
		n := k.Nest(ep)
		asked := 0
		ready := func(fd uintptr) bool {
			asked++
			got, e := k.EpollWait(int(fd), make([]sys.EpollEvent, 1), 0)
			k.ok(e)
			return got > 0
		}
		took := func() time.Duration {
			start := time.Now()
			asked = 0
			n.Wait(ready)
			return time.Since(start)
		}
		time.AfterFunc(time.Second, func() { k.send(wr, "x") })
		k.want(took(), time.Second, "an event ends it")
		k.want(asked, 2, "questions")
		n.Until(int64(time.Minute))
		k.want(took(), time.Minute, "the deadline ends it")
		k.want(took(), time.Duration(0), "and has passed")
		k.want(asked, 0, "questions after it")
		n.Wake()
		n.Until(int64(time.Hour))
		time.AfterFunc(time.Minute, n.Wake)
		k.want(took(), time.Minute, "a wake ends it, an earlier one was undone")
		k.want(took(), time.Duration(0), "until it is undone")
		n.Until(-1)
		time.AfterFunc(48*time.Hour, n.Wake)
		k.want(took(), 48*time.Hour, "without a deadline")
		k.want(n.Close(), nil, "Close")
		k.want(len(k.Open()), 3, "the poller is still open")
	})
	for _, m := range simkernel.Systems() {
		k := newKit(t, m)
		k.want(k.Nest(k.poller()), nil, "nothing nests on "+m.Name)
	}
}
