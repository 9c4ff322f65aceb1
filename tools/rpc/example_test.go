package rpc_test

import (
	"context"
	"fmt"

	"example.com/interlock/tools/rpc"
)

// Many requests, one connection, one login.
func Example() {
	server, err := rpc.NewServer(func(body []byte) ([]byte, error) {
		return append([]byte("hello, "), body...), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	client := rpc.NewClient(func(context.Context) (string, error) {
		return server.Login(), nil
	})
	defer client.Close()

	for _, name := range []string{"line", "waitmap", "canceltree"} {
		reply, err := client.Call(context.Background(), server.Addr(), []byte(name))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", reply)
	}
	n := server.Counts()
	fmt.Println(n.Accepted, "connection,", n.Logins, "login")
	// Output:
	// hello, line
	// hello, waitmap
	// hello, canceltree
	// 1 connection, 1 login
}
