package canceltree_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"example.com/interlock/canceltree"
)

// Requests below connections below a listener: whatever ends takes what is below
// it along and nothing else.
func Example_server() {
	listener := canceltree.NewWith(canceltree.Options{Name: "listener"})
	alice, bob := listener.ChildNamed("alice"), listener.ChildNamed("bob")
	upload := alice.ChildNamed("upload")
	search, mail := bob.ChildNamed("search"), bob.ChildNamed("mail")
	listener.Dump(os.Stdout)

	search.Release() // answered
	alice.Cancel(errors.New("connection reset"))
	listener.Dump(os.Stdout)

	listener.Cancel(errors.New("shutdown"))
	fmt.Println("upload:", upload.Err(), "-", upload.Cause())
	fmt.Println("mail:", mail.Err(), "-", mail.Cause())
	fmt.Println("search:", search.Err())
	// Output:
	// "listener" children=2 handles=1
	//   "alice" children=1 handles=1
	//     "upload" children=0 handles=1
	//   "bob" children=2 handles=1
	//     "search" children=0 handles=1
	//     "mail" children=0 handles=1
	// "listener" children=1 handles=1
	//   "bob" children=1 handles=1
	//     "mail" children=0 handles=1
	// upload: context canceled - connection reset
	// mail: context canceled - shutdown
	// search: canceltree: token released
}

// A job ends before the downloads that it has started. Releasing its token leaves
// these to the batch.
func ExampleToken_Release() {
	batch := canceltree.NewWith(canceltree.Options{Name: "batch"})
	job := batch.ChildNamed("job")
	job.ChildNamed("download 1")
	job.ChildNamed("download 2")

	job.Release()
	batch.Dump(os.Stdout)
	// Output:
	// "batch" children=2 handles=1
	//   "download 1" children=0 handles=1
	//   "download 2" children=0 handles=1
}

func ExampleToken_Cancel() {
	parent := canceltree.New()
	child := parent.Child()
	type key struct{}
	ctx, stop := context.WithCancel(context.WithValue(child, key{}, 7)) // any context on top
	defer stop()

	fmt.Println(parent.Cancel(errors.New("disk full")))
	fmt.Println(parent.Cancel(errors.New("too late")))
	fmt.Println(child.Err(), "-", child.Cause())
	fmt.Println(ctx.Err(), "-", context.Cause(ctx))
	// Output:
	// true
	// false
	// context canceled - disk full
	// context canceled - disk full
}

func ExampleToken_Clone() {
	mine := canceltree.New()
	yours := mine.Clone()
	mine.Release()
	fmt.Println(yours.Err())
	yours.Release()
	fmt.Println(yours.Err())
	// Output:
	// <nil>
	// canceltree: token released
}

func ExampleAny() {
	user, server := canceltree.New(), canceltree.New()
	upload := canceltree.Any(user, server) // needs both
	server.Cancel(errors.New("maintenance"))
	fmt.Println(upload.Cause())
	fmt.Println(user.Err())
	// Output:
	// maintenance
	// <nil>
}

func ExampleFromContext() {
	ctx, cancel := context.WithCancelCause(context.Background())
	t := canceltree.FromContext(ctx)
	cancel(errors.New("signal: interrupt"))
	<-t.Done()
	fmt.Println(t.Cause())
	// Output:
	// signal: interrupt
}

func ExampleGuard() {
	open := func(t *canceltree.Token, fail bool) error {
		g := t.Guard()
		defer g.Close()
		if fail {
			return errors.New("no route") // whatever runs below t is told to stop
		}
		g.Disarm()
		return nil
	}
	good, bad := canceltree.New(), canceltree.New()
	fmt.Println(open(good, false), good.Err())
	fmt.Println(open(bad, true), bad.Err())
	// Output:
	// <nil> <nil>
	// no route context canceled
}

func ExampleRun() {
	t := canceltree.New()
	fmt.Println(canceltree.Run(t, func(ctx context.Context) (int, error) { return 42, nil }))

	started, over := make(chan bool), make(chan bool)
	go func() {
		<-started
		t.Cancel(errors.New("enough"))
	}()
	fmt.Println(canceltree.Run(t, func(context.Context) (int, error) {
		close(started)
		<-over // takes no notice of its context
		return 7, nil
	}))
	close(over)
	// Output:
	// 42 <nil>
	// 0 enough
}

func ExampleToken_ChildTimeout() {
	t := canceltree.New().ChildTimeout(time.Millisecond)
	<-t.Done()
	fmt.Println(t.Err())
	// Output:
	// context deadline exceeded
}

func ExampleToken_AfterFunc() {
	t := canceltree.New()
	done := make(chan bool)
	stop := t.AfterFunc(func() {
		fmt.Println("in a goroutine:", t.Err())
		close(done)
	})
	t.Release()
	<-done
	fmt.Println("stopped:", stop())
	// Output:
	// in a goroutine: canceltree: token released
	// stopped: false
}

func ExampleToken_Tree() {
	root := canceltree.NewWith(canceltree.Options{Name: "root"})
	a := root.ChildNamed("a")
	a.ChildNamed("a1").Clone()
	root.ChildNamed("b")
	for i := range root.Tree() {
		fmt.Printf("%d %-4s %d below, %d handles\n", i.Depth, i.Name, i.Children, i.Handles)
	}
	// Output:
	// 0 root 2 below, 1 handles
	// 1 a    1 below, 1 handles
	// 2 a1   0 below, 2 handles
	// 1 b    0 below, 1 handles
}

func ExampleToken_DOT() {
	listener := canceltree.NewWith(canceltree.Options{Name: "listener"})
	alice, bob := listener.ChildNamed("alice"), listener.ChildNamed("bob")
	session := bob.ChildTimeout(time.Hour)
	session.ChildNamed("search")
	session.Release() // stays for its deadline
	canceltree.Any(alice, bob).ChildNamed("chat")
	listener.DOT(os.Stdout)
	// Output:
	// digraph canceltree {
	// 	node [shape=box];
	// 	n0 [label="listener"];
	// 	n1 [label="alice"];
	// 	n0 -> n1;
	// 	n2 [label="token"];
	// 	n1 -> n2;
	// 	n3 [label="chat"];
	// 	n2 -> n3;
	// 	n4 [label="bob"];
	// 	n0 -> n4;
	// 	n5 [label="relay", style=dashed];
	// 	n4 -> n5;
	// 	n6 [label="search"];
	// 	n5 -> n6;
	// }
}

func ExampleOptions() {
	reports := make(chan canceltree.LeakReport, 1)
	root := canceltree.NewWith(canceltree.Options{
		Name:      "root",
		Leak:      func(r canceltree.LeakReport) { reports <- r }, // log r.Stack: where the handle was made
		LeakEvery: 100,                                            // one handle in a hundred, so that it costs little
	})
	root.Child().Release()
	fmt.Println(root, len(reports))
	// Output:
	// token "root" (live) 0
}

func ExampleRegistration_Stop() {
	t := canceltree.New()
	r := t.OnCancel(func(error) { fmt.Println("never printed") })
	fmt.Println(r.Stop(), r.Stop())
	t.Cancel(nil)
	// Output:
	// true false
}

func ExampleToken_OnCancel() {
	listener := canceltree.New()
	conn := listener.Child()
	r := conn.OnCancel(func(cause error) { fmt.Println("close the socket:", cause) })
	listener.Cancel(fmt.Errorf("shutdown"))
	fmt.Println("stopped:", r.Stop())
	// Output:
	// close the socket: shutdown
	// stopped: false
}
