package canceltree_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"

	"example.com/interlock/canceltree"
)

const (
	deepVariable = "CANCELTREE_TEST_DEEP"
	stackLimit   = 1 << 20 // bytes
)

// deepChild is what the test binary does instead of its tests if the environment
// says so: cancel and release chains with hardly any stack. It runs in a process of
// its own because a stack that overflows cannot be survived.
func deepChild() bool {
	mode := os.Getenv(deepVariable)
	if mode == "" {
		return false
	}
	debug.SetMaxStack(stackLimit)
	debug.SetGCPercent(400)
	root := canceltree.New()
	k, middle := root.Child(), root
	levels := deepLevels
	if mode == "relays" {
		levels /= 50 // they are large
	}
	for i := range levels {
		var next *canceltree.Token
		if mode == "relays" {
			next = canceltree.Any(k, root)
		} else {
			next = k.Child()
		}
		if mode == "release" || mode == "relays" {
			k.Release()
		}
		if k = next; i == deepLevels/2 {
			middle = k
		}
	}
	switch mode {
	case "cancel":
		root.Cancel(nil)
	case "release", "relays":
		k.Release()
		if root.Check() != nil || canceltree.HasLinks(root) {
			fmt.Println("the chain is still there")
			os.Exit(1)
		}
	case "halves":
		middle.Cancel(nil)
		root.Cancel(nil)
	}
	if k.Err() == nil || middle != root && middle.Err() == nil {
		fmt.Println("the end of the chain is live")
		os.Exit(1)
	}
	fmt.Println("ok")
	return true
}

func TestTenMillionDeep(t *testing.T) {
	modes := []string{"cancel", "release", "relays", "halves"}
	if testing.Short() {
		modes = modes[:1]
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), deepVariable+"="+mode)
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "ok\n" {
				t.Fatalf("%v\n%.2000s", err, out)
			}
		})
	}
}

func TestAMillionWide(t *testing.T) {
	const n = wideNodes
	root := canceltree.New()
	relay := root.Child()
	kids := make([]*canceltree.Token, n)
	for i := range kids {
		kids[i] = relay.Child()
	}
	relay.Release() // stays as a relay
	for i := 0; i < n; i += 2 {
		kids[i].Release()
	}
	sound(t, root)
	root.Cancel(errTest)
	for i, k := range kids {
		if want := map[bool]error{true: canceltree.ErrReleased, false: errTest}[i%2 == 0]; k.Cause() != want {
			t.Fatalf("child %d: %v", i, k.Cause())
		}
	}
	sound(t, root)
}
