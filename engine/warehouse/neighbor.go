package warehouse

// Neighbor is the optional power of a Driver to read relations of another target of its
// type through a connection to this one.
type Neighbor interface {
	// Reach says how. Where it is not possible the error is an *OpenError that says why.
	Reach(own, other Config) (Reach, error)
}

// Reach is how relations of another target are read.
type Reach struct {
	// Database is that of the other target's relations that name none, as this connection
	// calls it; empty: its own.
	Database string
	// Attach is what the connection has to be opened with; nil: nothing.
	Attach *Attached
}

// Attached is a database beside the one that a connection is opened for. It can be read,
// and never written to.
type Attached struct {
	Name   string
	Fields map[string]string // of the target that it is
}
