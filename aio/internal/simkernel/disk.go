package simkernel

import (
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"example.com/interlock/aio/internal/sys"
)

// accessMode are the bits of O_RDONLY, O_WRONLY and O_RDWR.
const accessMode = os.O_RDONLY | os.O_WRONLY | os.O_RDWR

// Disk is a simulated kernel with files: a sys.Files as well. Calls with wait
// are over at once as all others are; those without answer EAGAIN when luck
// has it that the bytes are not in memory, and always where the system cannot
// tell. NewDisk makes one; it must not be copied.
type Disk struct {
	*Kernel
	cold  float64           // how often, from 0 to 1, bytes are not in memory
	space int               // for all files, in bytes; negative: no limit
	names map[string]*inode // with fifos, under the kernel's mu
	fifos map[string]*pipe
	syncs int
}

var _ interface {
	sys.Kernel
	sys.Files
} = (*Disk)(nil)

// NewDisk gives k an empty disk, of which bytes are as often not in memory as
// cold says, from 0 to 1.
func NewDisk(k *Kernel, cold float64) *Disk {
	return &Disk{Kernel: k, cold: cold, space: -1, names: map[string]*inode{}, fifos: map[string]*pipe{}}
}

// Space limits what all files together can take.
func (d *Disk) Space(bytes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.space = bytes
}

// Syncs is how often something was brought to the disk.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Mkfifo makes a FIFO. It has at most one open file for each end.
func (d *Disk) Mkfifo(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fifos[name] = &pipe{capacity: d.cfg.PipeBuffer, atomic: d.cfg.PipeAtomic, unopened: true}
}

// Open is open(2), which never waits.
func (d *Disk) Open(name string, flag int, perm uint32) (fd int, e sys.Errno) {
	e = d.enter(CallOpen, -1)
	defer func() { d.leave(CallOpen, fd, 0, e) }()
	if e != 0 {
		return -1, e
	}
	if p := d.fifos[name]; p != nil {
		return d.openFIFO(p, flag&accessMode)
	}
	in := d.names[name]
	switch {
	case in == nil && flag&os.O_CREATE == 0:
		return -1, syscall.ENOENT
	case in != nil && flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return -1, syscall.EEXIST
	case in == nil:
		in = &inode{name: path.Base(name), perm: perm}
	case flag&os.O_TRUNC != 0:
		in.data = nil
	}
	if fd, e = d.give(&file{node: &regular{inode: in, flag: flag}}); e == 0 {
		d.names[name] = in
	}
	return fd, e
}

func (d *Disk) openFIFO(p *pipe, mode int) (int, sys.Errno) {
	switch {
	case mode == os.O_RDONLY && p.rd == nil:
		p.rd = &file{node: readEnd{p}}
	case mode == os.O_WRONLY && p.rd == nil:
		return -1, syscall.ENXIO
	case mode == os.O_WRONLY && p.wr == nil:
		p.wr, p.unopened = &file{node: writeEnd{p}}, false
	}
	if mode == os.O_RDONLY {
		return d.give(p.rd)
	}
	return d.give(p.wr)
}

// now says whether a call that must not wait can go on.
func (d *Disk) now(wait bool) bool {
	return wait || d.m.Poller == sys.Epoll && !d.lucky(d.cold)
}

// ReadAt is pread(2), or read(2) where off is negative.
func (d *Disk) ReadAt(fd int, p []byte, off int64, wait bool) (n int, e sys.Errno) {
	e = d.enter(CallReadAt, fd)
	defer func() { d.leave(CallReadAt, fd, n, e) }()
	f, bad := d.get(CallReadAt, fd)
	switch {
	case bad != 0:
		return 0, bad
	case e != 0:
		return 0, e
	case !d.now(wait):
		if d.m.Poller == sys.Epoll && d.lucky(d.cold) {
			return 0, 0 // some kernels say so of a page that is not there
		}
		return 0, syscall.EAGAIN
	}
	r, ok := f.node.(*regular)
	switch {
	case ok && off >= 0:
		return r.readAt(p[:d.part(len(p))], off)
	case ok:
		return r.read(d.Kernel, p[:d.part(len(p))], false)
	case off >= 0:
		return 0, syscall.ESPIPE
	}
	return f.node.read(d.Kernel, p, false)
}

// WriteAt is pwrite(2), or write(2) where off is negative.
func (d *Disk) WriteAt(fd int, p []byte, off int64, wait bool) (n int, e sys.Errno) {
	e = d.enter(CallWriteAt, fd)
	defer func() { d.leave(CallWriteAt, fd, n, e) }()
	f, bad := d.get(CallWriteAt, fd)
	switch {
	case bad != 0:
		return 0, bad
	case e != 0:
		return 0, e
	case !d.now(wait):
		return 0, syscall.EAGAIN
	}
	r, ok := f.node.(*regular)
	if !ok && off >= 0 {
		return 0, syscall.ESPIPE
	}
	if !ok {
		return f.node.write(d.Kernel, p)
	}
	p = p[:d.part(len(p))]
	if d.space >= 0 {
		if room := d.space - d.used(); room < len(p) {
			if p = p[:max(room, 0)]; len(p) == 0 {
				return 0, syscall.ENOSPC
			}
		}
	}
	if off >= 0 {
		return r.writeAt(p, off)
	}
	return r.write(d.Kernel, p)
}

// used is what all files with a name take.
func (d *Disk) used() (n int) {
	for _, in := range d.names {
		n += len(in.data)
	}
	return n
}

// onFile makes a call on a regular file.
func (d *Disk) onFile(fd int, call func(r *regular) sys.Errno) (e sys.Errno) {
	e = d.enter(CallDisk, fd)
	defer func() { d.leave(CallDisk, fd, 0, e) }()
	f, bad := d.get(CallDisk, fd)
	if bad != 0 {
		return bad
	}
	if e != 0 {
		return e
	}
	r, ok := f.node.(*regular)
	if !ok {
		return syscall.EINVAL
	}
	return call(r)
}

// Sync is fsync(2) and fdatasync(2).
func (d *Disk) Sync(fd int, _ bool) sys.Errno {
	return d.onFile(fd, func(*regular) sys.Errno { d.syncs++; return 0 })
}

// Truncate is ftruncate(2).
func (d *Disk) Truncate(fd int, size int64) sys.Errno {
	return d.onFile(fd, func(r *regular) sys.Errno {
		if size < 0 || r.flag&accessMode == os.O_RDONLY {
			return syscall.EINVAL
		}
		r.extend(size)
		r.data = r.data[:size:size]
		return 0
	})
}

// Allocate is fallocate(2), on linux alone.
func (d *Disk) Allocate(fd int, off, n int64) sys.Errno {
	return d.onFile(fd, func(r *regular) sys.Errno {
		switch {
		case d.m.Poller != sys.Epoll:
			return syscall.ENOSYS
		case off < 0 || n <= 0:
			return syscall.EINVAL
		}
		r.extend(off + n)
		return 0
	})
}

// Advise is posix_fadvise(2), on linux alone.
func (d *Disk) Advise(fd int, _, _ int64, _ int) sys.Errno {
	return d.onFile(fd, func(*regular) sys.Errno {
		if d.m.Poller != sys.Epoll {
			return syscall.ENOSYS
		}
		return 0
	})
}

// Stat is fstat(2).
func (d *Disk) Stat(fd int) (in fs.FileInfo, e sys.Errno) {
	e = d.onFile(fd, func(r *regular) sys.Errno {
		in = stat{r.name, int64(len(r.data)), fs.FileMode(r.perm).Perm()}
		return 0
	})
	return in, e
}

// ends are the files of a transfer, which linux alone makes. luck is what the
// call was met with.
func (d *Disk) ends(call Call, to, from int, luck sys.Errno) (out, in *file, e sys.Errno) {
	out, bad := d.get(call, to)
	in, bad2 := d.get(call, from)
	switch {
	case max(bad, bad2) != 0:
		return nil, nil, syscall.EBADF
	case luck == 0 && d.m.Poller != sys.Epoll:
		return nil, nil, syscall.ENOSYS
	}
	return out, in, luck
}

// SendFile is sendfile(2), on linux alone.
func (d *Disk) SendFile(to, from int, off int64, n int) (moved int, e sys.Errno) {
	e = d.enter(CallSendFile, to)
	defer func() { d.leave(CallSendFile, to, moved, e) }()
	out, in, e := d.ends(CallSendFile, to, from, e)
	if e != 0 {
		return 0, e
	}
	r, ok := in.node.(*regular)
	switch {
	case !ok:
		return 0, syscall.EINVAL
	case off >= int64(len(r.data)):
		return 0, 0
	}
	p := r.data[off:]
	return out.node.write(d.Kernel, p[:d.part(min(n, len(p)))])
}

// Splice is splice(2) that does not wait, on linux alone. Of two pipes the one
// that is written to counts.
func (d *Disk) Splice(to, from int, n int) (moved int, e sys.Errno) {
	e = d.enter(CallSplice, from)
	defer func() { d.leave(CallSplice, from, moved, e) }()
	out, in, e := d.ends(CallSplice, to, from, e)
	if e != 0 {
		return 0, e
	}
	if w, ok := out.node.(writeEnd); ok {
		return d.fill(w, in, n)
	}
	src, ok := in.node.(readEnd)
	if r, file := out.node.(*regular); !ok || file && r.flag&os.O_APPEND != 0 {
		return 0, syscall.EINVAL
	}
	if len(src.data) == 0 {
		return src.read(d.Kernel, make([]byte, 1), false) // the end, or nothing yet
	}
	p := src.data[:min(n, len(src.data))]
	if moved, e = out.node.write(d.Kernel, p[:d.part(len(p))]); moved > 0 {
		src.read(d.Kernel, make([]byte, moved), false)
	}
	return moved, e
}

// fill moves into a pipe what it has room for.
func (d *Disk) fill(w writeEnd, in *file, n int) (int, sys.Errno) {
	if n = min(n, w.room()); n == 0 {
		return 0, syscall.EAGAIN
	}
	p := make([]byte, d.part(n))
	m, e := in.node.read(d.Kernel, p, false)
	if m > 0 {
		w.data = append(w.data, p[:m]...)
		w.rd.wake(d.Kernel, reading)
	}
	return m, e
}

// stat is what there is to know about a file.
type stat struct {
	name string
	size int64
	mode fs.FileMode
}

func (s stat) Name() string       { return s.name }
func (s stat) Size() int64        { return s.size }
func (s stat) Mode() fs.FileMode  { return s.mode }
func (s stat) ModTime() time.Time { return time.Time{} }
func (s stat) IsDir() bool        { return false }
func (s stat) Sys() any           { return nil }
