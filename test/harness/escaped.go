package harness

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// acts matches characters on which a terminal acts: control characters except newline, characters that change the
// direction of text, and separators of lines.
var acts = regexp.MustCompile(`[^\P{Cc}\n]|[\x{61c}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]`)

// longestLine is the maximum number of characters in a line of a message.
const longestLine = 256

// escaped is `escaped N CMD...`: like status, for a CMD with a hostile word among its arguments. Its output must
// have no character on which a terminal acts, and no line longer than longestLine. The word may contain a newline
// and then "forged": no line of the output may begin so.
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
