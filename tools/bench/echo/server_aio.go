package echo

import (
	"context"
	"sync"

	"example.com/interlock/aio"
)

func init() {
	servers["aio"] = serveCompletion
	servers["aio blocking"] = serveBlocking
}

// messages are the buffers of every session: one is taken only when there is
// something to send back.
var messages = aio.NewPool(maxMessage, 1024)

// A session is one connection in completion style: one operation that reads
// and writes in turn, and the buffer that is being sent back. With its
// descriptor it is all that an idle connection costs.
type session struct {
	op  aio.Op
	buf *aio.Buf // nil while reading
}

// Complete goes on with the session until an operation has to wait.
func (s *session) Complete(*aio.Op) {
	for {
		if !s.step() {
			s.op.FD().Close()
			return
		}
		if !s.op.Try(s) {
			return
		}
	}
}

// step takes the result of one operation and prepares the next. It reports
// false at the end of the connection.
func (s *session) step() bool {
	_, err := s.op.Result()
	if s.buf != nil {
		s.buf.Release()
		s.buf = nil
		s.op.PrepReadPool(s.op.FD(), messages)
		return err == nil
	}
	if err != nil {
		return false
	}
	s.buf = s.op.Buf()
	s.op.PrepWriteAll(s.op.FD(), s.buf.Bytes())
	return true
}

func serveCompletion(ready func(string)) error {
	return serveAIO(ready, func(fd *aio.FD) {
		s := new(session)
		s.op.PrepReadPool(fd, messages)
		s.op.Start(s)
	})
}

// serveBlocking is a goroutine for each connection, and a buffer only while
// there is something to read.
func serveBlocking(ready func(string)) error {
	buffers := sync.Pool{New: func() any { return new([maxMessage]byte) }}
	return serveAIO(ready, func(fd *aio.FD) {
		go func() {
			c := aio.NewConn(fd)
			defer c.Close()
			for echoOnce(context.Background(), c, &buffers) == nil {
			}
		}()
	})
}

// serveAIO hands what it accepts to serve.
func serveAIO(ready func(string), serve func(*aio.FD)) error {
	ring, err := aio.New(nil)
	if err != nil {
		return err
	}
	l, err := ring.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	ready(l.LocalAddr().String())
	for fd, err := range l.Accepts(context.Background()) {
		if err != nil {
			return err
		}
		serve(fd)
	}
	return nil
}

func echoOnce(ctx context.Context, c *aio.Conn, buffers *sync.Pool) error {
	if err := c.WaitReadable(ctx); err != nil {
		return err
	}
	buf := buffers.Get().(*[maxMessage]byte)
	defer buffers.Put(buf)
	n, err := c.Read(buf[:])
	if err != nil {
		return err
	}
	_, err = c.Write(buf[:n])
	return err
}
