package echo

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Process is a running echo server.
type Process struct {
	Name string
	Addr string

	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

//go:embed c/epoll_echo.c
var cSource []byte

// Start starts the server of that name: "aio", "aio blocking", "net", a peer,
// or "C epoll", which is compiled on the way. wrap, if any, is a command that
// runs it (strace -c, say).
func Start(name string, wrap ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if name == "C epoll" {
		if self, err = compile("epoll_echo", cSource); err != nil {
			return nil, err
		}
	}
	args := append(wrap, self)
	p := &Process{Name: name, cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Env = append(os.Environ(), ServeEnv+"="+name)
	if p.in, p.out, err = start(p.cmd); err != nil {
		return nil, err
	}
	return p, p.awaitAddr()
}

// start starts cmd with its standard input and output in our hands.
func start(cmd *exec.Cmd) (in io.WriteCloser, out *bufio.Reader, err error) {
	cmd.Stderr = os.Stderr
	if in, err = cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return in, bufio.NewReader(pipe), cmd.Start()
}

// awaitAddr reads lines until one is an address: some libraries greet.
func (p *Process) awaitAddr() error {
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			p.Stop()
			return fmt.Errorf("echo: %s did not start: %w", p.Name, err)
		}
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "127.0.0.1:") {
			p.Addr = line
			return nil
		}
	}
}

// Stop ends the server and waits for it.
func (p *Process) Stop() {
	p.in.Close()
	timer := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
	p.cmd.Wait()
	timer.Stop()
}

// Memory returns what the server's Go heap and stacks hold after a collection,
// in bytes, and how many objects it ever allocated.
func (p *Process) Memory() (bytes, mallocs float64, err error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return 0, 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(line, &bytes, &mallocs)
	return bytes, mallocs, err
}

// CPU returns the CPU time that all threads of the server have had.
func (p *Process) CPU() (time.Duration, error) {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		on, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(on, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ns)
	}
	return total, nil
}

// compile makes a program of source and returns its path.
func compile(name string, source []byte) (string, error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return "", errNoCompiler
	}
	dir, err := os.MkdirTemp("", "interlock-bench")
	if err != nil {
		return "", err
	}
	src, bin := filepath.Join(dir, name+".c"), filepath.Join(dir, name)
	if err := os.WriteFile(src, source, 0o600); err != nil {
		return "", err
	}
	if out, err := exec.Command(cc, "-O2", "-o", bin, src).CombinedOutput(); err != nil {
		return "", fmt.Errorf("echo: cc: %w: %s", err, out)
	}
	return bin, nil
}
