package aio

// opList is a singly linked list of operations through Op.next.
type opList struct{ head, tail *Op }

func (l *opList) push(op *Op) {
	op.next = nil
	if l.tail == nil {
		l.head = op
	} else {
		l.tail.next = op
	}
	l.tail = op
}

func (l *opList) pop() *Op {
	op := l.head
	if op != nil {
		if l.head = op.next; l.head == nil {
			l.tail = nil
		}
		op.next = nil
	}
	return op
}

// append moves all of m to the end of l.
func (l *opList) append(m *opList) {
	if m.head == nil {
		return
	}
	if l.tail == nil {
		l.head = m.head
	} else {
		l.tail.next = m.head
	}
	l.tail = m.tail
	*m = opList{}
}
