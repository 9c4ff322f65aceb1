package bench

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine describes where the figures come from, one fact a line.
func Machine() []string {
	facts := []string{
		fmt.Sprintf("%s, %s/%s, GOMAXPROCS %d", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0)),
	}
	if cpu := field("/proc/cpuinfo", "model name"); cpu != "" {
		facts = append(facts, fmt.Sprintf("%s, %d logical CPUs", cpu, runtime.NumCPU()))
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		facts = append(facts, "kernel "+strings.TrimSpace(string(release)))
	}
	return facts
}

// Peers lists the modules that were measured beside ours, with versions.
func Peers() []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	peers := map[string]bool{
		"golang.org/x/sync": true, "go.etcd.io/etcd/pkg/v3": true, "github.com/jackc/puddle/v2": true,
		"github.com/panjf2000/gnet/v2": true, "github.com/lesismal/nbio": true, "github.com/cloudwego/netpoll": true,
		"github.com/xtaci/gaio": true, "github.com/tidwall/evio": true,
	}
	var list []string
	for _, dep := range info.Deps {
		if peers[dep.Path] {
			list = append(list, dep.Path+" "+dep.Version)
		}
	}
	return list
}

// field returns the value of the first "name : value" line of file.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
