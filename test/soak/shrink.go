package main

// shrink drops parts of a case while it still violates. fails plays a case; a race need not show at once, so each try
// is played up to tries times.
func shrink(c *testCase, tries int, fails func(*testCase) bool) *testCase {
	for again := true; again; {
		again = false
		for _, part := range c.parts() {
			smaller := newCase(c.seed, c.number, append(append([]string(nil), c.dropped...), part))
			for range tries {
				if fails(smaller) {
					c, again = smaller, true
					break
				}
			}
			if again {
				break
			}
		}
	}
	return c
}
