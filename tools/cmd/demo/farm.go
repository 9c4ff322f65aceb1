package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// A farm is the second process: it owns the servers and counts what they
// accept. Commands go to its standard input, one a line, answers come back as
// lines of JSON.
type farm struct {
	addrs []string // of the servers, by key

	mu  sync.Mutex // one command at a time
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// startFarm starts n servers in a second process.
func startFarm(n int) (*farm, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &farm{cmd: exec.Command(self)}
	f.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", farmEnv, n))
	f.cmd.Stderr = os.Stderr
	if f.in, err = f.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	f.out = json.NewDecoder(bufio.NewReader(out))
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	if err := f.out.Decode(&f.addrs); err != nil {
		f.stop()
		return nil, fmt.Errorf("the servers did not start: %w", err)
	}
	return f, nil
}

// tell sends a command about one server and waits until it is carried out.
func (f *farm) tell(verb string, server int) error {
	return f.ask(verb, server, new(bool))
}

// accepts returns how many connections each server accepted since the last
// reset.
func (f *farm) accepts() (counts []int, err error) {
	return counts, f.ask("counts", 0, &counts)
}

// reset makes every server listen, drops all connections and counts from
// zero.
func (f *farm) reset() error { return f.tell("reset", 0) }

func (f *farm) ask(verb string, server int, answer any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := fmt.Fprintln(f.in, verb, server); err != nil {
		return err
	}
	if err := f.out.Decode(answer); err != nil {
		return fmt.Errorf("the servers do not answer %q: %w", verb, err)
	}
	return nil
}

// stop ends the second process.
func (f *farm) stop() {
	f.in.Close()
	f.cmd.Wait()
}
