package echo

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"time"
)

// A Dialer is a C program that dials over epoll.
type Dialer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

//go:embed c/epoll_dial.c
var cDialer []byte

// StartDialer compiles and starts a program that dials addr that many times,
// flight at once, whenever Run is called.
func StartDialer(addr string, dials, flight int) (*Dialer, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	bin, err := compile("epoll_dial", cDialer)
	if err != nil {
		return nil, err
	}
	d := &Dialer{cmd: exec.Command(bin, port, strconv.Itoa(dials), strconv.Itoa(flight))}
	if d.in, d.out, err = start(d.cmd); err != nil {
		return nil, err
	}
	return d, nil
}

// Run dials and returns how long that took.
func (d *Dialer) Run() (time.Duration, error) {
	if _, err := io.WriteString(d.in, "\n"); err != nil {
		return 0, err
	}
	var took time.Duration
	if _, err := fmt.Fscanln(d.out, &took); err != nil {
		return 0, fmt.Errorf("echo: the C dialer: %w", err)
	}
	return took, nil
}

// Stop ends the program and waits for it.
func (d *Dialer) Stop() {
	d.in.Close()
	d.cmd.Wait()
}
