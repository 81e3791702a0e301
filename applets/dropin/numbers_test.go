package dropin

import "testing"

// TestAtoi compares with the results of atoi(3). Overflow, which is undefined there, is not tested.
func TestAtoi(t *testing.T) {
	for s, want := range map[string]int{"": 0, "x": 0, "2": 2, " \t2x": 2, "+2": 2, "-2": -2, "02": 2, "0x2": 0, "--2": 0, "2 3": 2} {
		if got := atoi(s); got != want {
			t.Errorf("atoi(%q) = %d", s, got)
		}
	}
}
