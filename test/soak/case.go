package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// testCase is one family, one call and one fault. It derives from the seed, its number and the dropped parts alone.
type testCase struct {
	seed    uint64
	number  int
	dropped []string

	family family
	call   call
	fault  fault
}

// newCase derives a case. A dropped part is "fN" (element N of the family), "oN" (option N of the call) or "fault";
// numbers count from 0. Dropping a part does not change the others.
func newCase(seed uint64, number int, dropped []string) *testCase {
	random := rand.New(rand.NewPCG(seed, uint64(number)))
	c := &testCase{seed: seed, number: number, dropped: dropped}
	c.call = newCall(random)
	c.family = newFamily(random, &c.call)
	c.fault = newFault(random, &c.call)
	c.fault.adjust(c)
	for i := range c.family.elements {
		c.family.elements[i].dropped = slices.Contains(dropped, "f"+strconv.Itoa(i))
	}
	for i := range c.call.options {
		c.call.options[i].dropped = slices.Contains(dropped, "o"+strconv.Itoa(i))
	}
	if slices.Contains(dropped, "fault") {
		c.fault = fault{kind: "none", user: c.fault.user}
	}
	return c
}

// parts returns the names of the parts that can still be dropped.
func (c *testCase) parts() (names []string) {
	if c.fault.kind != "none" {
		names = append(names, "fault")
	}
	for i := range c.family.elements {
		if !c.family.elements[i].dropped {
			names = append(names, "f"+strconv.Itoa(i))
		}
	}
	for i := range c.call.options {
		if !c.call.options[i].dropped {
			names = append(names, "o"+strconv.Itoa(i))
		}
	}
	return names
}

// name is the value of CASE= that replays the case.
func (c *testCase) name() string {
	return strings.Join(append([]string{strconv.Itoa(c.number)}, c.dropped...), "-")
}

// parseName is the inverse of name.
func parseName(s string) (number int, dropped []string, err error) {
	words := strings.Split(s, "-")
	number, err = strconv.Atoi(words[0])
	return number, words[1:], err
}

// String describes the case for people.
func (c *testCase) String() string {
	return fmt.Sprintf("family: %s\ncall:   %s\nfault:  %s", &c.family, &c.call, &c.fault)
}

// chance reports true with a probability of one in n.
func chance(random *rand.Rand, n int) bool { return random.IntN(n) == 0 }

func pick[T any](random *rand.Rand, list []T) T { return list[random.IntN(len(list))] }
