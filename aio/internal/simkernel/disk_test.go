package simkernel_test

import (
	"os"
	"syscall"
	"testing"

	"example.com/interlock/aio/internal/simkernel"
	"example.com/interlock/aio/internal/sys"
)

func TestDiskOpensAndShares(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		d := simkernel.NewDisk(k.Kernel, 0)
		_, e := d.Open("/d/a", os.O_RDONLY, 0)
		k.want(e, sys.Errno(syscall.ENOENT), "open of nothing")
		f, e := d.Open("/d/a", os.O_CREATE|os.O_RDWR, 0o640)
		k.ok(e)
		_, e = d.Open("/d/a", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0)
		k.want(e, sys.Errno(syscall.EEXIST), "open of what is to be new")
		n, e := d.WriteAt(f, []byte("abc"), -1, true)
		k.ok(e)
		k.want(n, 3, "written")
		g, e := d.Open("/d/a", os.O_RDONLY, 0)
		k.ok(e)
		p := make([]byte, 9)
		n, _ = d.ReadAt(g, p, 1, true)
		k.want(string(p[:n]), "bc", "read by the other")
		_, e = d.WriteAt(g, p, 0, true)
		k.want(e, sys.Errno(syscall.EBADF), "written without the right")
		in, e := d.Stat(g)
		k.ok(e)
		k.want(in.Name()+in.Mode().String(), "a-rw-r-----", "described")
		k.ok(d.Sync(f, true))
		k.want(d.Syncs(), 1, "brought to the disk")
		h, e := d.Open("/d/a", os.O_RDWR|os.O_TRUNC, 0)
		k.ok(e)
		n, e = d.ReadAt(f, p, 0, true)
		k.want(n, 0, "left of the file")
		k.ok(e)
		for _, fd := range []int{f, g, h} {
			k.ok(d.Close(fd))
		}
	})
}

func TestDiskIsColdAndFull(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		d := simkernel.NewDisk(k.Kernel, 1)
		f, e := d.Open("/f", os.O_CREATE|os.O_RDWR, 0)
		k.ok(e)
		d.Space(5)
		p := make([]byte, 9)
		n, e := d.ReadAt(f, p, 0, false)
		if n != 0 || e != syscall.EAGAIN && (e != 0 || k.m.Poller != sys.Epoll) {
			t.Errorf("read what is not in memory: %d, %v", n, e)
		}
		_, e = d.WriteAt(f, p, 0, false)
		k.want(e, sys.Errno(syscall.EAGAIN), "write without waiting")
		n, e = d.WriteAt(f, p, 0, true)
		k.ok(e)
		k.want(n, 5, "written until it was full")
		_, e = d.WriteAt(f, p, 5, true)
		k.want(e, sys.Errno(syscall.ENOSPC), "written when it is full")
	})
}

func TestDiskFIFO(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		d := simkernel.NewDisk(k.Kernel, 0)
		d.Mkfifo("/fifo")
		_, e := d.Open("/fifo", os.O_WRONLY, 0)
		k.want(e, sys.Errno(syscall.ENXIO), "open without a reader")
		rd, e := d.Open("/fifo", os.O_RDONLY, 0)
		k.ok(e)
		r, e := d.Poll(rd, sys.Readable|sys.HangUp)
		k.ok(e)
		k.want(r, sys.Ready(0), "ready before there was a writer")
		for range 2 {
			wr, e := d.Open("/fifo", os.O_WRONLY, 0)
			k.ok(e)
			_, e = d.Read(rd, make([]byte, 1))
			k.want(e, sys.Errno(syscall.EAGAIN), "read from a silent writer")
			k.ok(d.Close(wr))
			n, e := d.Read(rd, make([]byte, 1))
			k.ok(e)
			k.want(n, 0, "read after the writer")
		}
	})
}

func TestDiskMovesInsideTheKernel(t *testing.T) {
	everywhere(t, func(t *testing.T, k kit) {
		d := simkernel.NewDisk(k.Kernel, 0)
		f, e := d.Open("/f", os.O_CREATE|os.O_RDWR, 0)
		k.ok(e)
		d.WriteAt(f, []byte("0123456789"), 0, true)
		rd, wr, e := d.Pipe()
		k.ok(e)
		rd2, wr2, e := d.Pipe()
		k.ok(e)
		if k.m.Poller != sys.Epoll {
			_, e = d.SendFile(wr, f, 0, 9)
			k.want(e, sys.Errno(syscall.ENOSYS), "sendfile")
			_, e = d.Splice(wr2, rd, 9)
			k.want(e, sys.Errno(syscall.ENOSYS), "splice")
			return
		}
		n, e := d.SendFile(wr, f, 7, 9)
		k.ok(e)
		k.want(n, 3, "sent")
		n, e = d.SendFile(wr, f, 10, 9)
		k.ok(e)
		k.want(n, 0, "sent from the end")
		n, e = d.Splice(wr2, rd, 2)
		k.ok(e)
		k.want(n, 2, "spliced")
		p := make([]byte, 9)
		n, _ = d.Read(rd2, p)
		k.want(string(p[:n]), "78", "what came")
		_, e = d.Splice(wr2, rd2, 9)
		k.want(e, sys.Errno(syscall.EAGAIN), "spliced from an empty pipe")
		_, e = d.Splice(f, f, 9)
		k.want(e, sys.Errno(syscall.EINVAL), "spliced without a pipe")
	})
}
