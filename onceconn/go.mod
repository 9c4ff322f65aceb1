module example.com/interlock/onceconn

go 1.26.0

require (
	example.com/interlock/aio v0.1.0
	golang.org/x/sys v0.49.0
	pgregory.net/rapid v1.3.0
)
