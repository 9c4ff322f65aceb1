package echo

import (
	"net"

	"github.com/xtaci/gaio"
)

func init() { servers["gaio"] = serveGaio }

func serveGaio(ready func(string)) error {
	w, err := gaio.NewWatcher()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ready(l.Addr().String())
	go gaioLoop(w)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		if err := w.Read(nil, c, make([]byte, maxMessage)); err != nil {
			return err
		}
	}
}

func gaioLoop(w *gaio.Watcher) {
	for {
		results, err := w.WaitIO()
		if err != nil {
			return
		}
		for _, res := range results {
			switch {
			case res.Error != nil:
				w.Free(res.Conn)
			case res.Operation == gaio.OpRead && res.Size > 0:
				w.Write(nil, res.Conn, res.Buffer[:res.Size])
			case res.Operation == gaio.OpWrite:
				w.Read(nil, res.Conn, res.Buffer[:cap(res.Buffer)])
			}
		}
	}
}
