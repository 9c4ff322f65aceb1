module example.com/interlock/tools/bench

go 1.26.0

require (
	example.com/interlock/aio v0.1.0
	example.com/interlock/canceltree v0.1.0
	example.com/interlock/line v0.1.0
	example.com/interlock/onceconn v0.1.0
	example.com/interlock/waitmap v0.1.0
	github.com/cloudwego/netpoll v0.7.2
	github.com/jackc/puddle/v2 v2.2.3
	github.com/lesismal/nbio v1.6.12
	github.com/panjf2000/gnet/v2 v2.9.8
	github.com/tidwall/evio v1.0.8
	github.com/xtaci/gaio v1.2.34
	go.etcd.io/etcd/pkg/v3 v3.7.3
	golang.org/x/perf v0.0.0-20260908200009-22c9c6c9d4da
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
	gonum.org/v1/plot v0.17.0
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	codeberg.org/go-pdf/fpdf v0.11.1 // indirect
	git.sr.ht/~sbinet/gg v0.7.0 // indirect
	github.com/aclements/go-moremath v0.0.0-20210112150236-f10218a38794 // indirect
	github.com/ajstarks/svgo v0.0.0-20211024235047-1546f124cd8b // indirect
	github.com/bytedance/gopkg v0.1.1 // indirect
	github.com/cloudwego/gopkg v0.1.4 // indirect
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	github.com/kavu/go_reuseport v1.5.0 // indirect
	github.com/panjf2000/ants/v2 v2.12.1 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap v1.28.0 // indirect
	golang.org/x/image v0.46.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.2.1 // indirect
)
