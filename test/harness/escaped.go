package harness

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// acts matches what a terminal acts on: control characters but the end of a line, and characters that change the direction of
// writing or separate lines.
var acts = regexp.MustCompile(`[^\P{Cc}\n]|[\x{61c}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]`)

// longestLine is the number of characters that a line of a message may have.
const longestLine = 256

// escaped is `escaped N CMD...`: like status, and CMD, which a word of the script has been given, prints nothing that a terminal
// acts on, no line that is too long, and none that begins with "forged", as a line of the word itself would.
func escaped(ts *testscript.TestScript, neg bool, args []string) {
	status(ts, neg, args)
	for _, name := range []string{"stdout", "stderr"} {
		text := ts.ReadFile(name)
		if found := acts.FindString(text); found != "" || !utf8.ValidString(text) {
			ts.Fatalf("%s is not UTF-8 without control characters: %.500q", name, text)
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > longestLine {
				ts.Fatalf("%s has a line of %d characters: %.100q", name, n, line)
			}
			if strings.HasPrefix(line, "forged") {
				ts.Fatalf("the word has made a line of %s: %.100q", name, line)
			}
		}
	}
}
