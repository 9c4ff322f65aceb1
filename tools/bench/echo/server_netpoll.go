package echo

import (
	"context"

	"github.com/cloudwego/netpoll"
)

func init() { servers["netpoll"] = serveNetpoll }

func serveNetpoll(ready func(string)) error {
	l, err := netpoll.CreateListener("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	loop, err := netpoll.NewEventLoop(func(_ context.Context, c netpoll.Connection) error {
		r := c.Reader()
		p, err := r.Next(r.Len())
		if err != nil {
			return err
		}
		if _, err := c.Writer().WriteBinary(p); err != nil {
			return err
		}
		err = c.Writer().Flush()
		r.Release()
		return err
	})
	if err != nil {
		return err
	}
	ready(l.Addr().String())
	return loop.Serve(l)
}
