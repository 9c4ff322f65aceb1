package echo

import "github.com/panjf2000/gnet/v2"

func init() { servers["gnet"] = serveGnet }

type gnetEcho struct {
	gnet.BuiltinEventEngine
	addr  string
	ready func(string)
}

func (e *gnetEcho) OnBoot(gnet.Engine) gnet.Action {
	e.ready(e.addr)
	return gnet.None
}

func (e *gnetEcho) OnTraffic(c gnet.Conn) gnet.Action {
	buf, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(buf); err != nil {
		return gnet.Close
	}
	return gnet.None
}

func serveGnet(ready func(string)) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	return gnet.Run(&gnetEcho{addr: addr, ready: ready}, "tcp://"+addr, gnet.WithMulticore(true))
}
