package target

import (
	"strings"
	"testing"

	"killbox/procfs"
)

func TestParseOwnerMark(t *testing.T) {
	for text, want := range map[string]OwnerMark{
		"4242@1234567:5678/4026531836/0123abcd": {procfs.ID{PID: 4242, Start: 1234567}, 5678, 4026531836, "0123abcd"},
		"4242@1234567/4026531836/ffffffff":      {procfs.ID{PID: 4242, Start: 1234567}, 0, 4026531836, "ffffffff"},
		"1@9/1/00000000":                        {procfs.ID{PID: 1, Start: 9}, 0, 1, "00000000"},
		"4194304@18446744073709551615:18446744073709551615/18446744073709551615/00000000": {
			procfs.ID{PID: maxPID, Start: 1<<64 - 1}, 1<<64 - 1, 1<<64 - 1, "00000000"},
	} {
		if got, err := ParseOwnerMark(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "/", "//", "4242", "4242@7", "4242@7/1", "4242@7//0123abcd", "4242@7/1/", "/1/0123abcd",
		// The PID: none, not in the range of the kernel, with a sign, not a number.
		"0@7/1/0123abcd", "@7/1/0123abcd", "4194305@7/1/0123abcd", "99999999999999999999@7/1/0123abcd", "-1@7/1/0123abcd",
		"-42@7/1/0123abcd", "+42@7/1/0123abcd", "-/1/0123abcd", "%1/1/0123abcd", "x@7/1/0123abcd", "0x42@7/1/0123abcd",
		// Other forms of an operand.
		"42/1/0123abcd", "42:5/1/0123abcd", "-42/1/0123abcd",
		// The start time and the inode.
		"42@0/1/0123abcd", "42@/1/0123abcd", "42@-7/1/0123abcd", "42@18446744073709551616/1/0123abcd", "42@7:/1/0123abcd",
		"42@7:0/1/0123abcd", "42@7:-5/1/0123abcd", "42@7:18446744073709551616/1/0123abcd", "42@7:5:5/1/0123abcd", "42@7@7/1/0123abcd",
		// The PID namespace.
		"42@7/0/0123abcd", "42@7/-1/0123abcd", "42@7/18446744073709551616/0123abcd", "42@7/x/0123abcd", "42@7/pid:[1]/0123abcd",
		// The boot ID.
		"42@7/1/0123abc", "42@7/1/0123abcde", "42@7/1/0123abcg", "42@7/1/0123ABCD", "42@7/1/        ",
		// Leading zeros, blanks, more text.
		"042@7/1/0123abcd", "42@07/1/0123abcd", "42@7:05/1/0123abcd", "42@7/01/0123abcd",
		" 42@7/1/0123abcd", "42@7/1/0123abcd ", "42@7/1/0123abcd\n", "42@7\n/1/0123abcd", "42@7/1/0123abcd\x00", "42@7/1/0123\x00bcd",
		"42@7/1/0123abcd/", "42@7/1/0123abcd/x", "42@7//1/0123abcd", "42@7/1/1/0123abcd", "42@7/1/0123abcd,43@7/1/0123abcd",
	} {
		if got, err := ParseOwnerMark(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		}
	}
}

func FuzzParseOwnerMark(f *testing.F) {
	for _, s := range []string{
		"4242@1234567:5678/4026531836/0123abcd", "4242@7/1/ffffffff", "0@7/1/0123abcd", "42@0/1/0123abcd", "042@7/1/0123abcd",
		"42@7/1/0123abcd\n", "42@7/1/0123ABCD", "42@18446744073709551616/1/0123abcd", "//", "\x1b[2J/\xff/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseOwnerMark(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00\x1b\r") {
				t.Fatalf("the error is not fit for a terminal: %q", err)
			}
			return
		}
		if m.String() != s || m.PID < 1 || m.PID > maxPID || m.Start == 0 || m.PIDNamespace == 0 || len(m.Boot) != bootDigits {
			t.Fatalf("%q is %+v, which prints as %s", s, m, &m)
		}
	})
}
