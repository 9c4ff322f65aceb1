package dial_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/interlock/onceconn"
	"example.com/interlock/onceconn/dial"
)

// What a network does to a dial that loopback does not: this test runs itself
// again in a network of its own, where it may break what it likes. It needs no
// privilege, but a kernel that lets users make namespaces, and ip of iproute2.
func TestNetwork(t *testing.T) {
	const inside = "DIAL_TEST_NETWORK"
	if os.Getenv(inside) != "" {
		t.Run("NoWay", noWay)
		t.Run("SilentDrop", silentDrop)
		t.Run("SilentDeath", silentDeath)
		t.Run("OutOfPorts", outOfPorts)
		return
	}
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("this machine lacks ip (iproute2), with which the test sets its network up")
	}
	within := func(args ...string) ([]byte, error) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		return cmd.CombinedOutput()
	}
	if out, err := within(ip, "link", "add", "v0", "type", "veth", "peer", "name", "v1"); err != nil {
		t.Skipf("this machine gives a user no network of his own: %v %s", err, out)
	}
	out, err := within(os.Args[0], "-test.run=^TestNetwork$", "-test.v")
	if err != nil || !strings.Contains(string(out), "--- PASS: TestNetwork/OutOfPorts") {
		t.Errorf("%v\n%s", err, out)
	}
}

// sh sets the network up.
func sh(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// Addresses that no packet can be sent to fail at once, each with its own error, and
// the next address is tried at once.
func noWay(t *testing.T) {
	sh(t, `ip link set lo up
		ip route add blackhole 10.8.1.0/24; ip route add unreachable 10.8.2.0/24; ip route add prohibit 10.8.3.0/24`)
	good := serve(t, "tcp4", "127.0.0.1:0", echo)
	d := newDialer(t, &dial.Dialer{FallbackDelay: time.Hour,
		Resolver: names{"all.test": ips("10.8.1.1", "10.8.2.1", "10.8.3.1", "10.7.0.1"), "last.test": ips("10.8.1.1", "10.8.2.1", "127.0.0.1")}})
	_, err := d.DialContext(bg, "tcp", "all.test:80")
	want := []syscall.Errno{syscall.EINVAL, syscall.EHOSTUNREACH, syscall.EACCES, syscall.ENETUNREACH}
	failures := addrErrors(err)
	if len(failures) != len(want) {
		t.Fatalf("%d failures told of %d: %v", len(failures), len(want), err)
	}
	for i, e := range failures {
		if !errors.Is(e, want[i]) {
			t.Errorf("%v, want %v", e, want[i])
		}
	}
	talk(t, connect(t, d, "tcp", fmt.Sprint("last.test:", good.port())))
}

// SYNs that nobody answers: the dial ends with its time, leaves nothing, and with
// another address it is FallbackDelay late.
func silentDrop(t *testing.T) {
	sh(t, `ip link add v0 type veth peer name v1; ip addr add 10.9.0.1/24 dev v0; ip link set v0 up; ip link set v1 up
		ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent`)
	good := serve(t, "tcp4", "127.0.0.1:0", echo)
	const delay = 50 * time.Millisecond
	d := newDialer(t, &dial.Dialer{FallbackDelay: delay, Resolver: names{"db.test": ips("10.9.0.2", "127.0.0.1")}})
	talk(t, connect(t, d, "tcp", good.addr()))
	leavesNothing(t, func() {
		ctx, cancel := within(300 * time.Millisecond)
		defer cancel()
		_, err := d.DialContext(ctx, "tcp", "10.9.0.2:80")
		failures := addrErrors(err)
		if !errors.Is(err, context.DeadlineExceeded) || len(failures) != 1 || failures[0].Addr != netip.MustParseAddrPort("10.9.0.2:80") {
			t.Errorf("%v", err)
		}
	})
	began := time.Now()
	talk(t, connect(t, d, "tcp", fmt.Sprint("db.test:", good.port())))
	if took := time.Since(began); took < delay {
		t.Errorf("took %v, want %v at least", took, delay)
	}
}

// The network goes away under a connection: nothing tells, until what was written
// has been unacknowledged for UserTimeout. Then the connection dies, the map is told,
// and the next caller gets another one.
func silentDeath(t *testing.T) {
	sh(t, `ip addr add 10.6.0.1/32 dev lo`)
	s := serve(t, "tcp4", "10.6.0.1:0", echo)
	died := make(chan error, 1)
	m := newMap(t, &dial.Dialer{UserTimeout: time.Second}, &onceconn.Options[dial.Addr, *dial.Conn]{
		Hooks: onceconn.Hooks{Evict: func(_ any, cause error) { died <- cause }}})
	a := dial.Addr{Network: "tcp", Address: s.addr()}
	c, err := m.Get(bg, a)
	if err != nil {
		t.Fatal(err)
	}
	talk(t, c)
	sh(t, `ip addr del 10.6.0.1/32 dev lo; ip route add blackhole 10.6.0.1/32`)
	select {
	case cause := <-died:
		t.Fatalf("told before anything was sent: %v", cause)
	default:
	}
	if other, err := m.Get(bg, a); err != nil || other != c {
		t.Fatalf("the silence was noticed: %v", err)
	}
	began := time.Now()
	if _, err := c.Write([]byte("anybody?")); err != nil {
		t.Fatal(err)
	}
	if cause := <-died; !errors.Is(cause, syscall.ECONNRESET) {
		t.Errorf("died of %v", cause)
	}
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("given up after %v, before UserTimeout", took)
	}
	sh(t, `ip route del blackhole 10.6.0.1/32; ip addr add 10.6.0.1/32 dev lo`)
	again, err := m.Get(bg, a)
	if err != nil || again == c {
		t.Fatalf("after the death: %v", err)
	}
	talk(t, again)
}

// No port is left: that is our own exhaustion, and not charged to the key.
func outOfPorts(t *testing.T) {
	sh(t, `echo "40000 40002" >/proc/sys/net/ipv4/ip_local_port_range`)
	s := serve(t, "tcp4", "127.0.0.1:50000", nil)
	d := newDialer(t, nil)
	var err error
	dials := 0 // the system does not use an odd one of three
	for ; dials < 4 && err == nil; dials++ {
		var c net.Conn
		if c, err = d.DialContext(bg, "tcp", s.addr()); err == nil {
			defer c.Close()
		}
	}
	if dials < 2 || !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("dial %d: %v", dials, err)
	}
	m := newMap(t, d, &onceconn.Options[dial.Addr, *dial.Conn]{Backoff: onceconn.Backoff{Base: time.Millisecond}})
	a := dial.Addr{Network: "tcp", Address: s.addr()}
	for range 2 {
		_, err := m.Get(bg, a)
		var e *onceconn.Error
		if !errors.As(err, &e) || !errors.Is(err, syscall.EADDRNOTAVAIL) || e.Cached || !e.RetryAt.IsZero() || e.Attempt != 1 {
			t.Errorf("%v: %+v", err, e)
		}
	}
}
