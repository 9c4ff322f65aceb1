module example.com/interlock/tools

go 1.26.0

tool honnef.co/go/tools/cmd/staticcheck

require (
	example.com/interlock/aio v0.1.0
	example.com/interlock/canceltree v0.1.0
	example.com/interlock/line v0.1.0
	example.com/interlock/onceconn v0.1.0
	example.com/interlock/waitmap v0.1.0
	github.com/bluekeyes/go-gitdiff v0.9.0
	github.com/google/go-cmp v0.7.0
	golang.org/x/exp v0.0.0-20260908205506-85c1c2202aba
	golang.org/x/mod v0.42.0
	golang.org/x/net v0.62.0
	golang.org/x/tools v0.52.0
)

require (
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

require (
	example.com/interlock/tools/sched v0.1.0
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/sync v0.24.0
	honnef.co/go/tools v0.8.2 // indirect
)
