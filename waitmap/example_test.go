package waitmap_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"example.com/interlock/waitmap"
)

// client sends requests over one connection and lets each caller wait for the
// answer to his own.
type client struct {
	conn  net.Conn
	write sync.Mutex
	id    atomic.Uint64
	calls waitmap.Map[uint64, string]
	late  atomic.Int32
}

func (c *client) call(ctx context.Context, request string) (string, error) {
	id := c.id.Add(1)
	wait, err := c.calls.Reserve(id) // before the request: the answer may be fast
	if err != nil {
		return "", err
	}
	c.write.Lock()
	_, err = fmt.Fprintf(c.conn, "%d %s\n", id, request)
	c.write.Unlock()
	if err != nil {
		wait.Cancel()
		return "", err
	}
	return wait.Await(ctx)
}

func (c *client) readLoop() {
	for {
		var id uint64
		var answer string
		if _, err := fmt.Fscanf(c.conn, "%d %s\n", &id, &answer); err != nil {
			c.calls.CloseWith(err)
			return
		}
		if c.calls.Wake(id, answer) != waitmap.Woke {
			c.late.Add(1) // unknown, or nobody waits any more
		}
	}
}

// An RPC client over one connection: answers come in any order, some too late,
// one to a question that nobody asked, and in the end the connection is lost.
func Example_rpc() {
	near, far := net.Pipe()
	c := &client{conn: near}
	var reading sync.WaitGroup
	reading.Go(c.readLoop)

	requests := make(chan string, 3)
	go func() { // the server's side of the pipe
		for lines := bufio.NewScanner(far); lines.Scan(); {
			requests <- lines.Text()
		}
	}()
	ask := func(ctx context.Context, request string, answer *string, err *error) (wait func()) {
		var wg sync.WaitGroup
		wg.Go(func() { *answer, *err = c.call(ctx, request) })
		return wg.Wait
	}
	var a, b string
	var errA, errB error

	// Answers in the opposite order.
	waitA := ask(context.Background(), "a", &a, &errA)
	first := <-requests
	waitB := ask(context.Background(), "b", &b, &errB)
	second := <-requests
	fmt.Fprintln(far, second+"-answered")
	waitB()
	fmt.Fprintln(far, first+"-answered")
	waitA()
	fmt.Println(a, errA)
	fmt.Println(b, errB)

	// An answer that comes too late, and one that nobody waits for.
	ctx, cancel := context.WithCancel(context.Background())
	waitA = ask(ctx, "a", &a, &errA)
	first = <-requests
	cancel()
	waitA()
	fmt.Println(errA)
	fmt.Fprintln(far, first+"-late")
	fmt.Fprintln(far, "999 unknown")

	// The connection breaks while somebody waits.
	waitB = ask(context.Background(), "b", &b, &errB)
	<-requests
	far.Close()
	waitB()
	reading.Wait()
	fmt.Println(errB, errors.Is(errB, waitmap.ErrClosed), errors.Is(errB, io.EOF))
	fmt.Println("answers nobody waited for:", c.late.Load())

	// Output:
	// a-answered <nil>
	// b-answered <nil>
	// context canceled
	// waitmap: closed: EOF true true
	// answers nobody waited for: 2
}

// A mailbox: what is posted before anybody asks is kept for the one who does.
func Example_mailbox() {
	m := waitmap.New[string, string](&waitmap.Options{Mailbox: 2})

	fmt.Println(m.Post("ann", "hello"))
	fmt.Println(m.Post("ann", "hello again")) // one for each key
	fmt.Println(m.Post("bob", "hi"))
	fmt.Println(m.Post("cho", "hey")) // the mailbox is full

	text, err := m.Wait(context.Background(), "ann") // does not wait
	fmt.Println(text, err)

	m.Notify("dan", func(text string, err error) { fmt.Println("dan:", text, err) })
	fmt.Println(m.Post("dan", "you wait already"))

	m.Close()
	for name, text := range m.TakeStored() { // what nobody fetched is not lost
		fmt.Println("returned:", name, text)
	}

	// Output:
	// Stored
	// Full
	// Stored
	// Full
	// hello <nil>
	// dan: you wait already <nil>
	// Woke
	// returned: bob hi
}

// A million waits without a single goroutine.
func ExampleMap_Notify_million() {
	var m waitmap.Map[int, int]
	sum := 0
	add := func(v int, err error) { sum += v }
	for key := range 1_000_000 {
		if _, err := m.Notify(key, add); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("waiting:", m.Len())
	for key := range 1_000_000 {
		m.Wake(key, 1)
	}
	fmt.Println("sum:", sum, "waiting:", m.Len())
	// Output:
	// waiting: 1000000
	// sum: 1000000 waiting: 0
}

func ExampleMap() {
	var m waitmap.Map[string, int] // the zero value is ready
	wait, err := m.Reserve("answer")
	if err != nil {
		fmt.Println(err)
		return
	}
	go m.Wake("answer", 42)
	fmt.Println(wait.Await(context.Background()))
	// Output: 42 <nil>
}

func ExampleNew() {
	m := waitmap.New[int, string](&waitmap.Options{
		Shards: 1,                // one of many small maps
		Tick:   time.Millisecond, // of deadlines
	})
	_, err := m.ReserveUntil(1, time.Now().Add(-time.Second))
	fmt.Println(err)
	// Output: waitmap: deadline passed
}

func ExampleOptions() {
	m := waitmap.New[int, string](&waitmap.Options{Mailbox: 1})
	fmt.Println(m.Post(1, "kept"), m.Post(2, "one too many"))
	// Output: Stored Full
}

func ExampleMap_ReserveUntil() {
	var m waitmap.Map[int, string]
	wait, err := m.ReserveUntil(1, time.Now().Add(5*time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = wait.Await(context.Background())
	fmt.Println(err)
	// Output: waitmap: deadline passed
}

func ExampleMap_Fail() {
	var m waitmap.Map[int, string]
	wait, _ := m.Reserve(1)
	fmt.Println(m.Fail(1, errors.New("refused by the server")))
	_, err := wait.Await(context.Background())
	fmt.Println(err)
	// Output:
	// Woke
	// refused by the server
}

func ExampleMap_WakeAll() {
	var m waitmap.Map[int, string]
	one, _ := m.Reserve(1)
	two, _ := m.Reserve(2)
	values := func(yield func(int, string) bool) {
		_ = yield(1, "uno") && yield(2, "due") && yield(3, "tre")
	}
	woken := m.WakeAll(values, func(key int, v string, o waitmap.Outcome) {
		fmt.Println(key, v, o)
	})
	fmt.Println(woken)
	fmt.Println(one.Await(context.Background()))
	fmt.Println(two.Await(context.Background()))
	// Output:
	// 3 tre NoMatch
	// 2
	// uno <nil>
	// due <nil>
}

func ExampleMap_CloseWith() {
	var m waitmap.Map[int, string]
	wait, _ := m.Reserve(1)
	lost := errors.New("connection lost")
	m.CloseWith(lost)
	_, err := wait.Await(context.Background())
	fmt.Println(err)
	fmt.Println(errors.Is(err, waitmap.ErrClosed), errors.Is(err, lost))
	fmt.Println(m.Wake(1, "too late"))
	// Output:
	// waitmap: closed: connection lost
	// true true
	// Closed
}

func ExampleMap_Keys() {
	var m waitmap.Map[int, string]
	for _, key := range []int{3, 1, 2} {
		m.Reserve(key)
	}
	var keys []int
	for key := range m.Keys() {
		keys = append(keys, key)
	}
	sort.Ints(keys)
	fmt.Println(keys)
	// Output: [1 2 3]
}

// A ticket whose value had come hands it over when it is cancelled.
func ExampleTicket_Cancel() {
	var m waitmap.Map[int, string]
	wait, _ := m.Reserve(1)
	m.Wake(1, "just in time")
	fmt.Println(wait.Cancel())
	// Output: just in time true
}

func ExampleTicket_Done() {
	var m waitmap.Map[int, string]
	wait, _ := m.Reserve(1)
	go m.Wake(1, "done")
	select {
	case <-wait.Done():
		v, err, ok := wait.Result()
		fmt.Println(v, err, ok)
	case <-time.After(time.Minute):
		v, arrived := wait.Cancel()
		fmt.Println(v, arrived)
	}
	// Output: done <nil> true
}

// request carries the memory of its own wait.
type request struct {
	id   int
	wait waitmap.Waiter[int, string]
}

func ExampleWaiter() {
	var m waitmap.Map[int, string]
	var r request
	for r.id = range 2 {
		wait, err := m.ReserveIn(&r.wait, r.id) // allocates nothing
		if err != nil {
			fmt.Println(err)
			return
		}
		m.Wake(r.id, "answer")
		fmt.Println(wait.Await(context.Background()))
	}
	// Output:
	// answer <nil>
	// answer <nil>
}

func ExampleOutcome() {
	var m waitmap.Map[int, string]
	if o := m.Wake(1, "value"); o != waitmap.Woke {
		fmt.Println(o, "and the value is still ours")
	}
	// Output: NoMatch and the value is still ours
}
