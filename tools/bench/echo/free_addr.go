package echo

import "net"

// freeAddr finds an address for the servers that cannot tell which port the
// kernel gave them.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
