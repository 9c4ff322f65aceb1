module example.com/interlock/tools

go 1.26.0
