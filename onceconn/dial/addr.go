package dial

// Addr is where to dial: the key of the Map that [NewMap] makes. Two are the same
// place if they are equal; names are not resolved for that. It may be copied.
type Addr struct {
	Network string // "tcp", "tcp4", "tcp6" or "unix"
	Address string // "host:port", or the path of a unix socket; "@name" on linux for an abstract one
}

// String returns the address with its network.
func (a Addr) String() string { return a.Network + " " + a.Address }
