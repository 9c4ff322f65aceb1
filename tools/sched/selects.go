package sched

import (
	"reflect"

	"example.com/interlock/tools/sched/internal/core"
)

// A Case is one communication of a Select.
type Case struct{ c clause }

// Port is for the modelled packages.
//
//go:norace
func (c Case) Port() core.Port { return c.c }

type clause interface {
	core.Port
	deliver()
	enter() *core.Task
	real() reflect.SelectCase
	got(v reflect.Value, ok bool)
}

// SendCase is case c <- v.
//
//go:norace
func SendCase[T any](c *Chan[T], v T) Case { return Case{&port[T]{c: c, v: v, send: true}} }

// RecvCase is case *v, *ok = <-c; either pointer may be nil.
//
//go:norace
func RecvCase[T any](c *Chan[T], v *T, ok *bool) Case {
	return Case{&port[T]{c: c, to: v, toOK: ok}}
}

//go:norace
func (p *port[T]) enter() *core.Task { return p.c.task() }

// Select performs one of the cases and returns its index, or -1 for the
// default. Where several are possible each of them is explored.
//
//go:norace
func Select(hasDefault bool, cases ...Case) int {
	t := core.Now()
	if t == nil {
		return selectReal(hasDefault, cases)
	}
	ports := make([]core.Port, len(cases))
	for i, c := range cases {
		c.c.enter()
		ports[i] = c.c
	}
	i := core.Select(t, hasDefault, ports)
	if i >= 0 {
		cases[i].c.deliver()
	}
	return i
}

func selectReal(hasDefault bool, cases []Case) int {
	real := make([]reflect.SelectCase, 0, len(cases)+1)
	for _, c := range cases {
		c.c.enter()
		real = append(real, c.c.real())
	}
	if hasDefault {
		real = append(real, reflect.SelectCase{Dir: reflect.SelectDefault})
	}
	i, v, ok := reflect.Select(real)
	if i == len(cases) {
		return -1
	}
	cases[i].c.got(v, ok)
	cases[i].c.deliver()
	return i
}

func (p *port[T]) real() reflect.SelectCase {
	c := reflect.ValueOf(p.c.outside())
	if p.send {
		return reflect.SelectCase{Dir: reflect.SelectSend, Chan: c, Send: reflect.ValueOf(&p.v).Elem()}
	}
	return reflect.SelectCase{Dir: reflect.SelectRecv, Chan: c}
}

func (p *port[T]) got(v reflect.Value, ok bool) {
	p.ok = ok
	if p.send || !ok {
		return
	}
	reflect.ValueOf(&p.v).Elem().Set(v)
}
