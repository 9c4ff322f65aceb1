module example.com/interlock/tools/sched

go 1.26.0
