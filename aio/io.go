package aio

import (
	"context"
	"io"
)

// IO is f as an io.ReadWriteCloser whose calls end with ctx. Write writes all.
func (f *FD) IO(ctx context.Context) io.ReadWriteCloser { return fdIO{f, ctx} }

// fdIO keeps a context because the interface has no room for one.
type fdIO struct {
	f   *FD
	ctx context.Context
}

func (x fdIO) Read(p []byte) (int, error)  { return x.f.Read(x.ctx, p) }
func (x fdIO) Write(p []byte) (int, error) { return x.f.WriteAll(x.ctx, p) }
func (x fdIO) Close() error                { return x.f.Close() }
