package rpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"example.com/interlock/canceltree"
	"example.com/interlock/onceconn"
	"example.com/interlock/waitmap"
)

// A conn is one connection that many requests share.
type conn struct {
	net.Conn
	life    *canceltree.Token // below the client's; every request is below it
	pending waitmap.Map[uint64, frame]
	ids     atomic.Uint64
	order   sync.Mutex // held while one frame is written
	gone    chan struct{}
}

// newConn takes over c. The connection ends when life does, and life when the
// connection does.
func newConn(c net.Conn, life *canceltree.Token) *conn {
	cn := &conn{Conn: c, life: life, gone: make(chan struct{})}
	life.OnCancel(func(cause error) {
		cn.pending.CloseWith(cause)
		cn.Conn.Close()
	})
	go cn.receive()
	return cn
}

// receive hands each reply to the request that waits for it. A reply whose
// caller has left finds nobody, and that is all that happens.
func (cn *conn) receive() {
	defer close(cn.gone)
	r := bufio.NewReader(cn.Conn)
	for {
		f, err := readFrame(r)
		if err != nil {
			cn.life.Cancel(fmt.Errorf("%w: %w", ErrLost, err))
			return
		}
		cn.pending.Wake(f.id, f)
	}
}

// Close ends the connection with all its requests and waits for its reader.
func (cn *conn) Close() error {
	cn.life.Cancel(ErrLost)
	<-cn.gone
	return nil
}

// roundTrip sends one request and waits for its reply, the caller's end or
// the connection's. An error that Is onceconn.ErrStale says that the request
// was not sent.
func (cn *conn) roundTrip(ctx context.Context, token string, body []byte) (frame, error) {
	req := cn.life.Child()
	defer req.Release()
	defer context.AfterFunc(ctx, func() { req.Cancel(context.Cause(ctx)) })()

	id := cn.ids.Add(1)
	p, err := frame{id: id, kind: request, token: token, body: body}.encode()
	if err != nil {
		return frame{}, err
	}
	ticket, err := cn.pending.Reserve(id) // first, so that no reply can come too early
	if errors.Is(err, waitmap.ErrClosed) {
		return frame{}, fmt.Errorf("%w: %w", onceconn.ErrStale, err)
	}
	if err != nil {
		return frame{}, err
	}
	if err := cn.write(p); err != nil {
		cn.life.Cancel(fmt.Errorf("%w: %w", ErrLost, err)) // Await tells
	}
	return ticket.Await(req)
}

func (cn *conn) write(p []byte) error {
	cn.order.Lock()
	defer cn.order.Unlock()
	_, err := cn.Conn.Write(p)
	return err
}
