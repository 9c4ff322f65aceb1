// Demo does the job that interlock is for and counts the result where it
// cannot be faked: in the servers.
//
// Ten thousand callers want one of a hundred connections. They go through
// onceconn over aio, while first dials are refused, callers give up in
// mid-launch and a server is killed and restarted. The servers live in a
// process of their own; the number of connections that they accepted must be
// one for each key and one more for each restart. The same crowd then dials
// naively and through singleflight.
//
//	demo [-callers N] [-keys N] [-seed N] [-trace FILE.svg]
//	demo [-redis] [flags] HOST:PORT ...
//
// With addresses, they are the keys, and the demo does the same against
// servers that run already, with no faults but the callers': plain echo
// servers, or with -redis anything that speaks RESP (PING, SET, GET). With
// -redis and no address it starts a redis-server, if one is installed.
//
// The exit status is 1 when a figure is off.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

// config is what the command line asks for.
type config struct {
	callers int
	keys    int
	seed    uint64
	spread  time.Duration // the callers come within this time
	trace   string
	redis   bool
	alone   bool // without the two crowds beside it
	targets []string
}

func main() {
	if serveChild() {
		return
	}
	c, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	ok, err := run(c, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// parse reads the command line; what is wrong with it has been said on w.
func parse(args []string, w io.Writer) (config, error) {
	var c config
	set := flag.NewFlagSet("demo", flag.ContinueOnError)
	set.SetOutput(w)
	set.IntVar(&c.callers, "callers", 10_000, "callers")
	set.IntVar(&c.keys, "keys", 100, "keys: servers that the demo starts")
	set.Uint64Var(&c.seed, "seed", 1, "seed of the faults and of the callers' times")
	set.DurationVar(&c.spread, "spread", 4*time.Second, "the callers come within this time, a third of them at once")
	set.StringVar(&c.trace, "trace", "", "draw a timeline of the keys into this SVG `file`")
	set.BoolVar(&c.redis, "redis", false, "speak RESP: PING, SET, GET")
	set.BoolVar(&c.alone, "alone", false, "leave out the naive and the singleflight crowd")
	if err := set.Parse(args); err != nil {
		return c, err
	}
	c.targets = set.Args()
	if c.callers < 1 || c.keys < 1 || c.spread < 0 {
		fmt.Fprintln(w, "demo: -callers and -keys must be positive, -spread not negative")
		return c, errors.New("usage")
	}
	return c, nil
}
