package report

import (
	"bytes"
	"testing"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
)

// TestScreen checks that only the status line is written to Screen.
func TestScreen(t *testing.T) {
	var err, screen bytes.Buffer
	r := New(Options{Applet: "tkill", Err: &err, Screen: &screen, Terminal: true})
	r.Waiting(escalate.Progress{Elapsed: time.Second, Total: 2, Gone: 1, In: duration.Forever})
	r.Note("a message")
	r.Close()
	if got := screen.String(); got != "\r\x1b[Ktkill: 1 of 2 gone\r\x1b[K" {
		t.Errorf("the screen got %q", got)
	}
	if got := err.String(); got != "tkill: a message\n" {
		t.Errorf("standard error got %q", got)
	}
}
