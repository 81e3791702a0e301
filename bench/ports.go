package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// port measures the search for the process that listens on a port.
func (b *bench) port() error {
	// Not more descriptors than the limit permits: 20,000 of them are in the goal.
	const most = 20_000
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	n := int(min(files.Max, most))
	if _, err := b.startHerd(b.max-1, 0); err != nil {
		return err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = b.start(command{argv: []string{b.c("listener"), strconv.Itoa(n)}, fd3: to})
	to.Close()
	if err != nil {
		return err
	}
	line := bufio.NewScanner(from)
	if !line.Scan() {
		return fmt.Errorf("the listener with %d descriptors has not started", n)
	}
	port := line.Text()
	b.compare(fmt.Sprintf("the listener of a port among %d, with %d descriptors", b.max, n), "ms",
		[]*arm{
			b.command(goal{}, b.tool("killwait"), "--handles", "--port", port).called("killwait --port"),
		}, []*arm{
			b.command(atMost(1), "fuser", "-s", port+"/tcp").called("fuser"),
			b.command(atMost(0.5), "lsof", "-nPt", "-iTCP:"+port, "-sTCP:LISTEN").called("lsof"),
			b.command(goal{}, "ss", "-Hltnp", "sport = :"+port).called("ss"),
		})
	return nil
}
