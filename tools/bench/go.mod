module example.com/interlock/tools/bench

go 1.26.0
