package fmt

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

type name string

func (n name) String() string { return "name " + string(n) }

// TestLikeStandard: what this package knows is as the standard one has it.
func TestLikeStandard(t *testing.T) {
	err := errors.New("no such process")
	for _, test := range []struct {
		format string
		args   []any
	}{
		{"plain", nil},
		{"", nil},
		{"100%% of %d", []any{7}},
		{"%s|%v|%q", []any{"text", "text", "te\"x\tt\xff"}},
		{"%s|%v", []any{[]byte("bytes"), "ü"}},
		{"%q", []any{[]byte("b\n")}},
		{"%s: %v: %q", []any{err, err, err}},
		{"%s %v %q", []any{name("a"), name("b"), name("c")}},
		{"%d %v %d %d", []any{0, -1, math.MaxInt64, math.MinInt64}},
		{"%d %d %v", []any{uint32(math.MaxUint32), uint64(math.MaxUint64), byte(7)}},
		{"%d %v", []any{int64(-5), int64(6)}},
		{"%c%c %q %q %v", []any{'ü', byte('x'), 'ä', '\n', 'a'}},
		{"%x %#x %08x %x", []any{255, uint32(4096), uint32(0xbeef), uint64(1 << 63)}},
		{"%016x", []any{uint64(0xfff)}},
		{"%03o %o", []any{byte(7), 64}},
		{"[%2d] [%2d] [%5d] [%-5d]", []any{7, 1234, -42, -42}},
		{"[%-12s] [%8s] [%-2s] [%-4s]", []any{"killwait", "ü", "long", "üü"}},
		{"%v", []any{nil}},
	} {
		want := fmt.Sprintf(test.format, test.args...)
		if got := Sprintf(test.format, test.args...); got != want {
			t.Errorf("%q: %q, want %q", test.format, got, want)
		}
		var b strings.Builder
		if n, err := Fprintf(&b, test.format, test.args...); b.String() != want || n != len(want) || err != nil {
			t.Errorf("%q: wrote %d, %v: %q", test.format, n, err, b.String())
		}
	}
	var ours, theirs strings.Builder
	for _, values := range [][]any{nil, {"one"}, {"a", "b", 3, err, -4}} {
		Fprintln(&ours, values...)
		fmt.Fprintln(&theirs, values...)
	}
	if ours.String() != theirs.String() {
		t.Errorf("lines %q, want %q", ours.String(), theirs.String())
	}
	for _, value := range []any{"s", 7, -7, err, name("x"), uint32(5)} {
		want := fmt.Sprint(value)
		var b strings.Builder
		Fprint(&b, value)
		Fprintln(&b, value)
		if got := Sprint(value); got != want || b.String() != want+want+"\n" {
			t.Errorf("%v: %q, %q", value, got, b.String())
		}
	}
}

func TestErrorf(t *testing.T) {
	err := Errorf("%s: %w", "42", io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) || err.Error() != "42: unexpected EOF" {
		t.Errorf("%v does not wrap", err)
	}
	if err := Errorf("%s: %v", "42", io.EOF); errors.Is(err, io.EOF) || err.Error() != "42: EOF" {
		t.Errorf("%v wraps", err)
	}
}

// TestMistakes: they are seen in the output, and nothing worse.
func TestMistakes(t *testing.T) {
	for _, test := range []struct {
		want, format string
		args         []any
	}{
		{"%!d", "%d", nil},
		{"%!d", "%d", []any{"text"}},
		{"%!y", "%y", []any{1}},
		{"%!v", "%v", []any{1.5}},
		{"a%!", "a%", []any{1}},
		{"1", "%d", []any{1, 2}},
	} {
		if got := Sprintf(test.format, test.args...); got != test.want {
			t.Errorf("%q: %q, want %q", test.format, got, test.want)
		}
	}
}
