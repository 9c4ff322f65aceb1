package rpc

import (
	"context"
	"errors"
	"fmt"

	"example.com/interlock/canceltree"
	"example.com/interlock/line"
	"example.com/interlock/onceconn"
	"example.com/interlock/onceconn/dial"
)

var (
	// ErrLost is what a request ends with whose connection was lost after it
	// was sent: whether the server has acted on it is not known.
	ErrLost = errors.New("rpc: connection lost")
	// ErrClosed is what every request ends with once the client is closed.
	ErrClosed = errors.New("rpc: client closed")
	// ErrUnauthorized is what a request ends with that the server refuses
	// with a token that was just renewed.
	ErrUnauthorized = errors.New("rpc: unauthorized")
)

// A RemoteError is what the server's handler said.
type RemoteError string

func (e RemoteError) Error() string { return "rpc: remote: " + string(e) }

// A Client sends requests to any number of addresses. All methods may be
// called from many goroutines at once.
type Client struct {
	dialer dial.Dialer
	conns  *onceconn.Map[string, *conn]
	life   *canceltree.Token
	token  *line.Cell[string]
	login  func(context.Context) (string, error)
}

// NewClient makes a client that gets its tokens from login: once when it
// begins and once each time that a token expired, however many requests meet
// that at once. An error of login is told to all of them.
func NewClient(login func(context.Context) (string, error)) *Client {
	c := &Client{life: canceltree.New(), token: line.NewCell(""), login: login}
	c.conns = onceconn.New(c.launch, &onceconn.Options[string, *conn]{
		OnBackoff: onceconn.Wait,
		Watch: func(cn *conn, dead func(error)) (stop func()) {
			reg := cn.life.OnCancel(dead)
			return func() { reg.Stop() }
		},
	})
	return c
}

func (c *Client) launch(ctx context.Context, a *onceconn.Attempt[string]) (*conn, error) {
	nc, err := c.dialer.DialContext(ctx, "tcp", a.Key)
	if err != nil {
		return nil, err
	}
	return newConn(nc, c.life.Child()), nil
}

// attempts is how many tokens a request is tried with: the one at hand, the
// renewed one, and one more for a token that expired in between.
const attempts = 3

// Call sends body to addr and returns the reply. It ends with the reply, a
// RemoteError, ErrLost, ErrUnauthorized, ErrClosed, the error of a dial or of
// a login, or the cause of ctx.
func (c *Client) Call(ctx context.Context, addr string, body []byte) ([]byte, error) {
	token, epoch := c.token.Load()
	for range attempts {
		f, err := c.try(ctx, addr, token, body)
		if err != nil {
			return nil, err
		}
		switch f.kind {
		case reply:
			return f.body, nil
		case unauthorized:
			token, epoch, err = c.token.Renew(ctx, epoch, c.renew)
			if err != nil {
				return nil, fmt.Errorf("rpc: login: %w", err)
			}
		default:
			return nil, RemoteError(f.body)
		}
	}
	return nil, ErrUnauthorized
}

func (c *Client) renew(ctx context.Context, _ string) (string, error) { return c.login(ctx) }

// try sends one request, on a second connection if the first was found dead
// before anything was sent.
func (c *Client) try(ctx context.Context, addr, token string, body []byte) (f frame, err error) {
	err = c.conns.Do(ctx, addr, func(cn *conn) (err error) {
		f, err = cn.roundTrip(ctx, token, body)
		return err
	})
	if errors.Is(err, onceconn.ErrClosed) {
		err = ErrClosed
	}
	return f, err
}

// Close ends every connection and every request and waits for the client's
// goroutines.
func (c *Client) Close() error {
	c.life.Cancel(ErrClosed)
	return errors.Join(c.conns.Close(), c.dialer.Close())
}
