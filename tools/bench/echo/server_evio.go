package echo

import "github.com/tidwall/evio"

func init() { servers["evio"] = serveEvio }

func serveEvio(ready func(string)) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	var events evio.Events
	events.NumLoops = -1
	events.Serving = func(evio.Server) evio.Action { ready(addr); return evio.None }
	events.Data = func(_ evio.Conn, in []byte) ([]byte, evio.Action) { return in, evio.None }
	return evio.Serve(events, "tcp://"+addr)
}
