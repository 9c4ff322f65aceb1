package rpc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A frame is one message: 4 bytes of length, 8 of the request's id, one of
// the kind, 2 of the token's length, the token, the body. Integers are
// big-endian; the length counts what follows it.
type frame struct {
	id    uint64
	kind  kind
	token string
	body  []byte
}

type kind uint8

const (
	request kind = iota
	reply
	unauthorized
	failed
)

const (
	frameHead = 8 + 1 + 2
	maxFrame  = 1 << 20 // bytes; what is longer is refused on both sides
)

var errFrame = errors.New("rpc: malformed frame")

// encode returns the frame's bytes.
func (f frame) encode() ([]byte, error) {
	n := frameHead + len(f.token) + len(f.body)
	if n > maxFrame || len(f.token) > 1<<16-1 {
		return nil, fmt.Errorf("rpc: a message of %d bytes is too long", n)
	}
	p := make([]byte, 0, 4+n)
	p = binary.BigEndian.AppendUint32(p, uint32(n))
	p = binary.BigEndian.AppendUint64(p, f.id)
	p = append(p, byte(f.kind))
	p = binary.BigEndian.AppendUint16(p, uint16(len(f.token)))
	p = append(p, f.token...)
	return append(p, f.body...), nil
}

// readFrame reads one frame.
func readFrame(r *bufio.Reader) (frame, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return frame{}, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < frameHead || n > maxFrame {
		return frame{}, errFrame
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		return frame{}, err
	}
	token := frameHead + int(binary.BigEndian.Uint16(p[9:]))
	if token > len(p) {
		return frame{}, errFrame
	}
	return frame{
		id:    binary.BigEndian.Uint64(p),
		kind:  kind(p[8]),
		token: string(p[frameHead:token]),
		body:  p[token:],
	}, nil
}
