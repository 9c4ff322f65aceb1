package echo

import "github.com/lesismal/nbio"

func init() { servers["nbio"] = serveNbio }

func serveNbio(ready func(string)) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	engine := nbio.NewEngine(nbio.Config{Network: "tcp", Addrs: []string{addr}, ReadBufferSize: maxMessage})
	engine.OnData(func(c *nbio.Conn, data []byte) { c.Write(data) })
	if err := engine.Start(); err != nil {
		return err
	}
	ready(addr)
	select {}
}
