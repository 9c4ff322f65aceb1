module example.com/interlock/waitmap

go 1.26.0

