module example.com/interlock/canceltree

go 1.26.0
