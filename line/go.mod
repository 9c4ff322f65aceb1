module example.com/interlock/line

go 1.26.0
