// Soak is `soak [-t DURATION] [-seed N] [-case NAME] -bin FOLDER`: it runs random families, calls and faults against
// killbox, each in a PID namespace and a cgroup of its own, and compares the outcome that the kernel shows with what
// the manual promises. Every case derives from the seed and its number.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

// programs are the names under which this program is run.
var programs = map[string]func(){
	"ns": victims.NS, "nsinit": victims.NSInit, "nsrun": victims.NSRun, "victim": victims.Victim, "refuse": victims.Refuse,
	"swap": victims.Swap, "member": member, "soakstage": playStage,
}

func main() {
	if program := programs[filepath.Base(os.Args[0])]; program != nil {
		program()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "renames" { // a member under another name
		member()
		return
	}
	os.Exit(soak())
}

// soaker plays cases and counts them.
type soaker struct {
	ground *ground
	seed   uint64
	tries  int
	end    time.Time

	mutex  sync.Mutex
	next   int
	counts *counts
	failed atomic.Bool // a case could not be played
	over   atomic.Bool // start no new case
}

func soak() int {
	span := flag.Duration("t", 10*time.Minute, "how long to start new cases")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "derive the cases from this number")
	name := flag.String("case", "", "play this case only, and show it")
	first := flag.Int("first", 0, "the number of the first case")
	bin := flag.String("bin", "bin", "the folder of killbox and actor")
	jobs := flag.Int("jobs", 2, "how many cases run at a time")
	tries := flag.Int("tries", 3, "how often the shrinker tries a smaller case; how often -case plays the case")
	flag.Parse()
	fmt.Printf("SEED=%d\n", *seed)
	ground, err := newGround(*bin)
	if err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		return 2
	}
	defer ground.remove()
	s := &soaker{ground: ground, seed: *seed, tries: *tries, end: time.Now().Add(*span), counts: newCounts(*seed), next: *first}
	if *name != "" {
		return s.replay(*name)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, unix.SIGINT, unix.SIGTERM)
	go func() {
		<-interrupted
		s.over.Store(true) // the running cases end, and the tables are printed
	}()
	began := time.Now()
	var workers sync.WaitGroup
	for range *jobs {
		workers.Go(s.work)
	}
	workers.Wait()
	err = s.counts.print(os.Stdout, time.Since(began))
	if s.counts.Spoiled*100 > s.counts.Cases {
		fmt.Fprintln(os.Stderr, "soak: in more than one of 100 cases the family was not ready: they show nothing")
		return 1
	}
	if err != nil || s.failed.Load() || sum(s.counts.Violations) > 0 {
		return 1
	}
	return 0
}

// work plays cases until the time is over.
func (s *soaker) work() {
	for time.Now().Before(s.end) && !s.over.Load() {
		s.mutex.Lock()
		number := s.next
		s.next++
		s.mutex.Unlock()
		c := newCase(s.seed, number, nil)
		out, err := s.ground.play(c)
		if err != nil {
			s.print(fmt.Sprintf("case %d could not be played: %v\n%v\n", number, err, c))
			s.failed.Store(true)
			continue
		}
		found := judge(c, out)
		s.mutex.Lock()
		s.counts.add(c, out, found)
		s.mutex.Unlock()
		if out.Spoiled != "" {
			s.print(fmt.Sprintf("case %d: %s\n", number, out.Spoiled))
		}
		if len(found) > 0 {
			s.report(c, out, found)
		}
	}
}

// print keeps the reports of two workers apart.
func (s *soaker) print(text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	fmt.Print(text)
}

// report prints the violations of a case, and then the smallest case that still has the first of them.
func (s *soaker) report(c *testCase, out *outcome, found []violation) {
	text := fmt.Sprintf("\nVIOLATION in SEED=%d CASE=%s (after %d ms)\n%v\n", c.seed, c.name(), out.Millis, c)
	for _, v := range found {
		text += fmt.Sprintf("%s: %s\n", v.kind, v.text)
	}
	s.print(text)
	tries := s.tries
	if found[0].kind == "hang" {
		tries = 1 // each takes the whole budget
	}
	smaller := shrink(c, tries, func(c *testCase) bool {
		out, err := s.ground.play(c)
		return err == nil && slices.ContainsFunc(judge(c, out), func(v violation) bool { return v.kind == found[0].kind })
	})
	text = fmt.Sprintf("replay: make soak SEED=%d CASE=%s\n", smaller.seed, smaller.name())
	if smaller != c {
		text += fmt.Sprintf("%v\n", smaller)
	}
	s.print(text)
}

// replay plays one case until it violates, and shows what happens.
func (s *soaker) replay(name string) int {
	number, dropped, err := parseName(name)
	if err != nil {
		fmt.Fprintf(os.Stderr, "soak: no such case: %v\n", err)
		return 2
	}
	c := newCase(s.seed, number, dropped)
	fmt.Println(c)
	for range s.tries {
		out, err := s.ground.play(c)
		if err != nil {
			fmt.Fprintf(os.Stderr, "soak: %v\n", err)
			return 1
		}
		fmt.Printf("\nexit %d after %d ms; the fault came in time: %v\n", out.Status, out.Millis, out.Injected)
		fmt.Printf("output: %s\nerrors: %s\nleft: %q\nended: %q\n%s\n", out.Stdout, out.Stderr, out.Left, out.Ended, out.Spoiled)
		if out.Spoiled != "" {
			fmt.Println("the case shows nothing:", out.Spoiled)
			return 1
		}
		if found := judge(c, out); len(found) > 0 {
			for _, v := range found {
				fmt.Printf("VIOLATION %s: %s\n", v.kind, v.text)
			}
			return 1
		}
	}
	fmt.Println("no violation")
	return 0
}

func check(what string, err error) {
	if err != nil {
		fail("soak: %s: %v", what, err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
