module example.com/interlock/onceconn

go 1.26.0
