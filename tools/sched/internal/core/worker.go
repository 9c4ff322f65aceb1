package core

// graves is how many tasks may end by runtime.Goexit on one worker.
const graves = 16

// A worker is a coroutine that runs one task after another. A task that ends
// by runtime.Goexit would take the coroutine along; the worker goes on inside
// the deferred call instead, up to a depth, since the end of a coroutine costs
// more than a whole schedule of tasks that are put to rest.
type worker struct {
	co   *coro
	task *Task // the task to run; nil asks the worker to end
	deep int   // tasks that ended by Goexit below the current frame
	gone bool  // ends at the next resume
}

//go:norace
func newWorker() *worker {
	w := new(worker)
	w.co = newCoro(w.loop)
	return w
}

//go:norace
func (w *worker) loop() {
	for w.task != nil {
		w.run()
		w.co.suspend()
	}
}

// run runs the task; whatever ends it, end says so to the engine.
//
//go:norace
func (w *worker) run() {
	t := w.task
	defer w.end(t)
	if Race {
		Acquire(t.edge())
	}
	t.f()
	t.returned = true
}

//go:norace
func (w *worker) end(t *Task) {
	exit := false
	if !t.returned {
		if v := recover(); v != nil {
			E.panicked(t, v)
		} else {
			exit = true
		}
	}
	E.ended(t, exit)
	if !exit {
		return
	}
	w.deep++
	w.gone = w.deep >= graves
	w.co.suspend()
	if !w.gone {
		w.loop()
	}
}

// dismiss ends the worker's goroutine.
func (w *worker) dismiss() {
	w.task = nil
	if w.deep > 0 {
		w.co.bury()
		return
	}
	w.co.resume()
}
