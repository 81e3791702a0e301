package applets

import "testing"

func TestLeaksValue(t *testing.T) {
	for in, want := range map[string]leaksValue{
		"end": {"end", 0}, "warn": {"warn", 0}, "fail": {"fail", 99}, "fail=1": {"fail", 1}, "fail=255": {"fail", 255},
	} {
		if v := new(leaksValue); v.Set(in) != nil || *v != want {
			t.Errorf("%q: %v, want %v", in, *v, want)
		}
	}
	for _, in := range []string{"", "e", "END", "end=", "end=1", "warn=1", "fail=", "fail=0", "fail=256", "fail=-1", "fail=+1", "fail= 1", "fail=1=2", "fail=x", "=", "=1"} {
		if v := new(leaksValue); v.Set(in) == nil || *v != (leaksValue{}) {
			t.Errorf("%q is accepted as %v", in, *v)
		}
	}
}

// FuzzLeaksValue checks that the text of a value gives the same value again.
func FuzzLeaksValue(f *testing.F) {
	for _, in := range []string{"end", "warn", "fail", "fail=7", "fail=007", "fail=256"} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var v, again leaksValue
		if v.Set(in) != nil {
			return
		}
		if err := again.Set(v.String()); err != nil || v != again || v.mode == "fail" && (v.status < 1 || v.status > 255) {
			t.Errorf("%q: %v, and %v from %q (%v)", in, v, again, v.String(), err)
		}
	})
}
