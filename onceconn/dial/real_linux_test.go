package dial_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/onceconn"
	"example.com/interlock/onceconn/dial"
	"golang.org/x/sys/unix"
)

const linux = true

func blackHoleAt(t testing.TB, ip string, port uint16) netip.AddrPort {
	t.Helper()
	addr := netip.AddrPortFrom(netip.MustParseAddr(ip), port)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(port)}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr = netip.AddrPortFrom(addr.Addr(), uint16(name.(*syscall.SockaddrInet4).Port))
	filler, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { filler.Close() })
	waitFor(t, "the filler in the queue", func() bool {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n == 1
	})
	return addr
}

// refusing returns a port, of all addresses of this machine, where nobody listens
// and nobody else can for as long as the test runs.
func refusing(t testing.TB) uint16 {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(name.(*syscall.SockaddrInet4).Port)
}

// synSent reports whether a connect to addr is under way.
func synSent(addr netip.AddrPort) bool {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return false
	}
	defer f.Close()
	b := addr.Addr().As4()
	want := fmt.Sprintf(" %02X%02X%02X%02X:%04X 02 ", b[3], b[2], b[1], b[0], addr.Port())
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.Contains(lines.Text(), want) {
			return true
		}
	}
	return false
}

func option(t *testing.T, c net.Conn, level, name int) (value int) {
	t.Helper()
	raw, err := c.(*dial.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { value, err = unix.GetsockoptInt(int(fd), level, name) })
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestOptions(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	for _, o := range []struct {
		d                                  *dial.Dialer
		on, idle, interval, count, timeout int
	}{
		{&dial.Dialer{}, 1, 15, 5, 3, 30_000},
		{&dial.Dialer{KeepAlive: net.KeepAliveConfig{Enable: true, Idle: 1500 * time.Millisecond, Interval: 7 * time.Second, Count: 9}, UserTimeout: 2500 * time.Microsecond}, 1, 2, 7, 9, 3},
		{&dial.Dialer{KeepAlive: net.KeepAliveConfig{Enable: true, Count: 4}}, 1, 15, 5, 4, 30_000},
		{&dial.Dialer{KeepAlive: net.KeepAliveConfig{Idle: -1}, UserTimeout: -1}, 0, 0, 0, 0, 0},
	} {
		c := connect(t, newDialer(t, o.d), "tcp", s.addr())
		if option(t, c, unix.IPPROTO_TCP, unix.TCP_NODELAY) != 1 {
			t.Error("Nagle's algorithm is on")
		}
		if got := option(t, c, unix.SOL_SOCKET, unix.SO_KEEPALIVE); got != o.on {
			t.Errorf("keep-alive %d, want %d", got, o.on)
		}
		if got := option(t, c, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); got != o.timeout {
			t.Errorf("user timeout %d, want %d", got, o.timeout)
		}
		back, err := dial.FallBack(o.d, bg, "tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		if got := option(t, back, unix.SOL_SOCKET, unix.SO_KEEPALIVE); got != o.on {
			t.Errorf("keep-alive %d without a ring, want %d", got, o.on)
		}
		back.Close()
		if o.on == 0 {
			continue
		}
		idle, interval, count := option(t, c, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE), option(t, c, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL), option(t, c, unix.IPPROTO_TCP, unix.TCP_KEEPCNT)
		if idle != o.idle || interval != o.interval || count != o.count {
			t.Errorf("keep-alive %d, %d, %d, want %+v", idle, interval, count, o)
		}
	}
}

// A socket may come to be connected to itself: that is a refusal. It comes about
// when the system chooses the port that is dialled; here Control does.
func TestNoConnectionToItself(t *testing.T) {
	noLeak(t)
	for _, host := range []string{"127.0.0.1", "::1"} {
		free := serve(t, "tcp", net.JoinHostPort(host, "0"), nil)
		at := netip.MustParseAddrPort(free.addr())
		free.stop()
		var local unix.Sockaddr = &unix.SockaddrInet4{Port: int(at.Port()), Addr: [4]byte{127, 0, 0, 1}}
		if at.Addr().Is6() {
			local = &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
		}
		d := newDialer(t, &dial.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
			c.Control(func(fd uintptr) { err = unix.Bind(int(fd), local) })
			return err
		}})
		leavesNothing(t, func() {
			if _, err := d.DialContext(bg, "tcp", at.String()); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%v: %v", at, err)
			}
		})
	}
}

func TestDialAbstract(t *testing.T) {
	noLeak(t)
	name := fmt.Sprint("@interlock-dial-", os.Getpid())
	serve(t, "unix", name, echo)
	talk(t, connect(t, newDialer(t, nil), "unix", name))
}

// A unix socket whose backlog is full: no error and no hang; the dial goes on when
// there is room, and ends with its context.
func TestUnixBacklog(t *testing.T) {
	noLeak(t)
	path := socketPath(t)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	d := newDialer(t, nil)
	connect(t, d, "unix", path) // takes the only place
	ctx, cancel := within(30 * time.Millisecond)
	defer cancel()
	if c, err := d.DialContext(ctx, "unix", path); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%v, %v", c, err)
	}
	done := make(chan error, 1)
	go func() {
		c, err := d.DialContext(bg, "unix", path)
		if err == nil {
			c.Close()
		}
		done <- err
	}()
	for range 2 { // make room
		n, _, err := syscall.Accept(fd)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(n)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Signals interrupt connects and waits; dials do not notice.
func TestSignals(t *testing.T) {
	noLeak(t)
	s := serve(t, "tcp4", "127.0.0.1:0", echo)
	d := newDialer(t, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				syscall.Kill(os.Getpid(), syscall.SIGURG)
				runtime.Gosched() // where there is one processor, the dials need it too
			}
		}
	})
	for range 200 {
		c := connect(t, d, "tcp", s.addr())
		talk(t, c)
		c.Close()
	}
	close(stop)
	wg.Wait()
}

// The process runs out of descriptors: that is a failure of ours, the Map does not
// charge it to the key, makes room by closing what is idle, and goes on.
func TestOutOfDescriptors(t *testing.T) {
	s := serve(t, "tcp4", "127.0.0.1:0", nil)
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "DIAL_TEST_CHILD="+s.addr())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "fine") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The peer's process is killed: its system closes what it had open, and the watch
// sees that.
func TestWatchKilledPeer(t *testing.T) {
	noLeak(t)
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "DIAL_TEST_CHILD=server")
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	r := newRing(t)
	c := connect(t, newDialer(t, &dial.Dialer{Ring: r}), "tcp", strings.TrimSpace(address))
	talk(t, c)
	b := newBell()
	watch(t, r, c, dial.WatchOptions{}, b)
	quiet(t, r, b, "before")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := b.wait(t); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("cause %v", err)
	}
	hold.Close()
}

// victim is the other process of TestWatchKilledPeer: a server that lives until it is
// killed, or nobody holds its standard input.
func victim() {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go echo(c)
		}
	}()
	io.Copy(io.Discard, os.Stdin)
}

// child is the other process of a test.
func child() {
	if os.Getenv("DIAL_TEST_CHILD") == "server" {
		victim()
		return
	}
	_, port, _ := net.SplitHostPort(os.Getenv("DIAL_TEST_CHILD"))
	die := func(args ...any) {
		fmt.Println(args...)
		os.Exit(1)
	}
	everyName := names{} // many names for the one server
	for i := range 40 {
		everyName[fmt.Sprint(i)] = ips("127.0.0.1")
	}
	evicted := 0
	d := &dial.Dialer{Resolver: everyName}
	m := dial.NewMap(d, &onceconn.Options[dial.Addr, *dial.Conn]{Hooks: onceconn.Hooks{Evict: func(any, error) { evicted++ }}})
	ctx, cancel := within(20 * time.Second)
	defer cancel()
	for i := range 40 {
		if i == 1 { // all that is needed besides connections is open by now
			room := uint64(descriptors() + 10)
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: room, Max: room}); err != nil {
				die(err)
			}
		}
		_, err := m.Get(ctx, dial.Addr{Network: "tcp", Address: fmt.Sprint(i, ":", port)})
		var e *onceconn.Error
		if errors.As(err, &e) && (e.Cached || !e.RetryAt.IsZero()) {
			die("charged to the key:", err)
		}
		if err != nil {
			die("launch", i, err)
		}
	}
	if evicted < 20 {
		die(evicted, "connections were closed to make room")
	}
	m.Close()
	unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: 3})
	for network, address := range map[string]string{"tcp": "127.0.0.1:1", "unix": "/x"} {
		_, err := d.DialContext(ctx, network, address)
		if list := addrErrors(err); len(list) != 1 || list[0].Err != syscall.EMFILE {
			die("no socket:", err)
		}
	}
	d.Close()
	fmt.Println("fine")
}
