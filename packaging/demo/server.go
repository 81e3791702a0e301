// Server is what the demo ends by its port: it listens on the TCP port that is its argument, prints a line when it
// does, and does nothing else.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", ":"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		if _, err := listener.Accept(); err != nil {
			os.Exit(1)
		}
	}
}
