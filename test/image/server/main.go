// Server stands for the server of docs/Dockerfile.example. It writes "ready" to descriptor 3, and exits with 5 on
// TERM, with 6 on QUIT.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGQUIT)
	ready := os.NewFile(3, "ready")
	if _, err := ready.WriteString("ready\n"); err != nil {
		os.Exit(1)
	}
	ready.Close()
	if <-caught == syscall.SIGQUIT {
		os.Exit(6)
	}
	os.Exit(5)
}
