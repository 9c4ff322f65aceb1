module example.com/interlock/aio

go 1.26.0
