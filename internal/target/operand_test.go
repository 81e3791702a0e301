package target

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"killbox/procfs"
)

func TestParseOperand(t *testing.T) {
	for in, want := range map[string]Operand{
		"1":                       {Form: PID, PID: 1},
		"42":                      {Form: PID, PID: 42},
		"0042":                    {Form: PID, PID: 42},
		"4194304":                 {Form: PID, PID: 4194304},
		"42@7":                    {Form: Handle, PID: 42, Start: 7},
		"42@0":                    {Form: Handle, PID: 42},
		"1@18446744073709551615":  {Form: Handle, PID: 1, Start: 1<<64 - 1},
		"42:5":                    {Form: Inode, PID: 42, Inode: 5},
		"-42":                     {Form: Group, PID: 42},
		"-2":                      {Form: Group, PID: 2},
		"-":                       {Form: Stdin},
		"42@7:5":                  {Form: Handle, PID: 42, Start: 7, Inode: 5},
		"42:18446744073709551615": {Form: Inode, PID: 42, Inode: 1<<64 - 1},
	} {
		want.Text = in
		got, err := ParseOperand(in)
		if err != nil || got != want {
			t.Errorf("ParseOperand(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestParseOperandRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "unset variable",
		"0":                       "the process group of this process",
		"00":                      "names no process",
		"-0":                      "names no process",
		"-1":                      "-1 would be every process",
		"-01":                     "-1 would be every process",
		"%1":                      "only the shell knows its jobs",
		"%":                       "only the shell knows its jobs",
		"12x":                     "is not a PID or handle",
		"x":                       `"x" is not a PID or handle`,
		"+5":                      "is not a PID",
		"--5":                     "is not a PID",
		" 5":                      "is not a PID",
		"5 ":                      "is not a PID",
		"5\n6":                    "is not a PID",
		"5\x00":                   "is not a PID",
		"٣":                       "is not a PID",
		"1e3":                     "is not a PID",
		"0x10":                    "is not a PID",
		"4194305":                 "beyond the kernel's limit",
		"99999999999999999999999": "beyond the kernel's limit",
		"-4194305":                "beyond the kernel's limit",
		"-99999999999999999999":   "beyond the kernel's limit",
		"4294967338":              "beyond the kernel's limit", // 42, if truncated to 32 bits
		"18446744073709551658":    "beyond the kernel's limit", // 42, if truncated to 64 bits
		"@5":                      "is not a PID",
		"5@":                      "want PID@START",
		"5@x":                     "want PID@START",
		"5@-1":                    "want PID@START",
		"5@6@7":                   "want PID@START",
		"5@18446744073709551616":  "want PID@START",
		"0@5":                     "names no process",
		"-5@6":                    "is not a PID",
		"5:":                      "want PID:INODE",
		"5:0":                     "want PID:INODE",
		"5:6:7":                   "want PID:INODE",
		":5":                      "is not a PID",
		"5:6@7":                   "is not a PID",
		"5@6:":                    "want PID@START",
		"5@6:0":                   "want PID@START",
		"5@6:x":                   "want PID@START",
		"5@:7":                    "want PID@START",
		"5@6:7:8":                 "want PID@START",
	} {
		got, err := ParseOperand(in)
		switch {
		case err == nil:
			t.Errorf("ParseOperand(%q) = %+v, want an error", in, got)
		case !strings.Contains(err.Error(), want):
			t.Errorf("ParseOperand(%q): %q, want it to say %q", in, err, want)
		case got != Operand{}:
			t.Errorf("ParseOperand(%q) = %+v besides the error", in, got)
		}
	}
}

// TestNames checks whether an operand names the process that was opened by its PID.
func TestNames(t *testing.T) {
	st := func(start, inode uint64) procfs.Stat {
		return procfs.Stat{ID: procfs.ID{PID: 42, Start: start}, Inode: inode}
	}
	for _, tt := range []struct {
		op   string
		st   procfs.Stat
		want bool
		err  error
	}{
		{"42", st(7, 5), true, nil},
		{"43", st(7, 5), false, nil},
		{"42@7", st(7, 5), true, nil},
		{"42@7", st(8, 5), false, nil},
		{"42@7", st(0, 5), false, ErrHidden},
		{"42:5", st(7, 5), true, nil},
		{"42:5", st(7, 6), false, nil},
		{"42:5", st(0, 5), true, nil},
		{"42:5", st(7, 0), false, ErrNoInode},
		{"42@7:5", st(7, 5), true, nil},
		{"42@7:5", st(7, 6), false, nil}, // the PID was reused within one clock tick
		{"42@7:5", st(8, 5), false, nil},
		{"42@7:5", st(7, 0), true, nil}, // the kernel shows no inode
		{"42@7:5", st(8, 0), false, nil},
		{"42@7:5", st(0, 5), true, nil},
		{"42@7:5", st(0, 6), false, nil},
		{"42@7:5", st(0, 0), false, ErrHidden},
	} {
		op, err := ParseOperand(tt.op)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := op.Names(&tt.st); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s for %+v: %v, %v", tt.op, tt.st, got, err)
		}
	}
}

func FuzzParseOperand(f *testing.F) {
	for _, s := range []string{"42", "42@7", "42:5", "-42", "-", "0", "-1", "%1", "12x", "", "4194305", "007", "5@18446744073709551616", "\x1b[2J", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		op, err := ParseOperand(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00\x1b\r") {
				t.Fatalf("the error is not fit for a terminal: %q", err)
			}
			return
		}
		if op.Form != Stdin && (op.PID < 1 || op.PID > maxPID) || op.Form == Group && op.PID == 1 {
			t.Fatalf("%q is %+v", s, op)
		}
		again, err := ParseOperand(op.String())
		if op.Text, again.Text = "", ""; err != nil || again != op {
			t.Fatalf("%q is %+v, which prints as %s and reads as %+v, %v", s, op, op, again, err)
		}
	})
}

func TestParseOperands(t *testing.T) {
	for _, test := range []struct {
		words []string
		stdin string
		want  string
		has   bool
		err   string
	}{
		{nil, "7", "", false, ""},
		{[]string{"1", "2@3"}, "7", "1 2@3", false, ""},
		{[]string{"1", "-", "2"}, " 7\n8@9\t\v10\r\n", "1 7 8@9 10 2", true, ""},
		{[]string{"-"}, "", "", true, ""},
		{[]string{"-"}, "7 8", "7 8", true, ""},
		{[]string{"-", "-"}, "7", "", true, "given twice"},
		{[]string{"-"}, "7 -", "", true, "standard input: - is not a target"},
		{[]string{"-"}, "7 x", "", true, `standard input: "x" is not a PID`},
		{[]string{"-"}, "7 0", "", true, "standard input: 0 would be"},
		{[]string{"-"}, "7\x00", "", true, "is not a PID"},
		// An invalid operand before "-" is refused before standard input is read.
		{[]string{"x", "-"}, "7", "", false, "is not a PID"},
		{[]string{"1", "x"}, "", "", false, "is not a PID"},
	} {
		ops, has, err := ParseOperands(test.words, strings.NewReader(test.stdin))
		var got []string
		for _, op := range ops {
			got = append(got, op.String())
		}
		if strings.Join(got, " ") != test.want || has != test.has || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%q with %q: %q, %v, %v; want %q, %v, %q", test.words, test.stdin, got, has, err, test.want, test.has, test.err)
		}
	}
	broken := errors.New("broken")
	if _, _, err := ParseOperands([]string{"-"}, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reading error: %v", err)
	}
}

// TestParsePID checks that ParsePID accepts every positive pid_t, and ParseOperand only PIDs up to the kernel's limit.
func TestParsePID(t *testing.T) {
	for word, want := range map[string]int{"1": 1, "4194304": maxPID, "4194305": maxPID + 1, "2147483647": 1<<31 - 1, "2147483647:5": 1<<31 - 1, "4194305@7": maxPID + 1, "2147483648": 0, "99999999999999999999": 0, "0": 0} {
		op, err := ParsePID(word)
		if (err == nil) != (want > 0) || op.PID != want {
			t.Errorf("ParsePID(%s) = %+v, %v; want %d", word, op, err, want)
		}
		if op, err := ParseOperand(word); (err == nil) != (want > 0 && want <= maxPID) {
			t.Errorf("ParseOperand(%s) = %+v, %v", word, op, err)
		}
	}
}

// TestOmits checks that an operand of --omit excludes each process that the operand may name.
func TestOmits(t *testing.T) {
	for _, test := range []struct {
		operand string
		st      procfs.Stat
		want    bool
	}{
		{"100", procfs.Stat{ID: procfs.ID{PID: 100}}, true},
		{"100", procfs.Stat{ID: procfs.ID{PID: 101, Start: 5}}, false},
		{"-100", procfs.Stat{ID: procfs.ID{PID: 101, Start: 5}, PGID: 100}, true},
		{"100@5", procfs.Stat{ID: procfs.ID{PID: 100, Start: 5}}, true},
		{"100@5", procfs.Stat{ID: procfs.ID{PID: 100, Start: 6}}, false},
		{"100@5", procfs.Stat{ID: procfs.ID{PID: 100}}, true}, // /proc hides the start time
		{"100@5:7", procfs.Stat{ID: procfs.ID{PID: 100, Start: 5}}, true},
		{"100@5:7", procfs.Stat{ID: procfs.ID{PID: 100, Start: 5}, Inode: 7}, true},
		{"100@5:7", procfs.Stat{ID: procfs.ID{PID: 100, Start: 5}, Inode: 8}, false}, // PID reuse within one clock tick
		{"100@5:7", procfs.Stat{ID: procfs.ID{PID: 101, Start: 5}, Inode: 7}, false},
		{"100:7", procfs.Stat{ID: procfs.ID{PID: 100, Start: 5}}, true},
		{"100:7", procfs.Stat{ID: procfs.ID{PID: 100, Start: 5}, Inode: 8}, false},
	} {
		if got := Omits(ops(t, test.operand), &test.st); got != test.want {
			t.Errorf("%s, %+v: %v, want %v", test.operand, test.st, got, test.want)
		}
	}
}

// FuzzParseOperands reads operands from standard input. Each word must be an operand of its own, and "-" none.
func FuzzParseOperands(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "42", "42 43\n44@7:9\t-45\r\n", "-", "42 -", "42\n\x00", "42,43", "42\u00a043", "42\u202843", "x 42", "0", "-1", "4294967338", "PID\n42", "\ufeff42",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ops, hasStdin, err := ParseOperands([]string{"-"}, strings.NewReader(text))
		if !hasStdin || err != nil {
			return
		}
		words := strings.Fields(text)
		if len(ops) != len(words) {
			t.Fatalf("%q: %d operands of %d words", text, len(ops), len(words))
		}
		for i, word := range words {
			op, err := ParseOperand(word)
			if err != nil || op != ops[i] || op.Form == Stdin {
				t.Errorf("%q: word %q is %v, and alone %v, %v", text, word, ops[i], op, err)
			}
		}
	})
}
