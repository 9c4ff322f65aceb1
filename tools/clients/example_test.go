package clients_test

import (
	"context"
	"fmt"
	"net"

	"example.com/interlock/onceconn/dial"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// grpc gives its dialer one address, without a network.
func Example_grpc() {
	d := &dial.Dialer{}
	defer d.Close()
	conn, err := grpc.NewClient("passthrough:///127.0.0.1:50051",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", address)
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(conn.Target(), conn.Close())
	// Output: passthrough:///127.0.0.1:50051 <nil>
}

// pgx has a field for it, and looks names up by itself.
func Example_pgx() {
	d := &dial.Dialer{}
	defer d.Close()
	config, err := pgconn.ParseConfig("host=127.0.0.1 user=app")
	if err != nil {
		fmt.Println(err)
		return
	}
	config.DialFunc = d.DialContext
	fmt.Println(config.Host, config.DialFunc != nil)
	// Output: 127.0.0.1 true
}

// go-redis has a pool of its own; its dials go over aio.
func Example_goRedis() {
	d := &dial.Dialer{}
	defer d.Close()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", Dialer: d.DialContext})
	fmt.Println(client.Options().Addr, client.Close())
	// Output: 127.0.0.1:6379 <nil>
}
