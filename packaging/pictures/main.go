// Pictures draws the screen of a terminal: it reads what `tmux capture-pane -ep` has printed, text with SGR escape
// sequences, and writes an SVG image. The image follows the light or dark mode of its reader.
package main

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The size of a cell of the terminal, and the margin around all of them, in units of the image.
const (
	cellWidth  = 8.4
	cellHeight = 18
	fontSize   = 14
	margin     = 12
)

const style = `<style>
text { font: %dpx ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2328 }
rect { fill: #f6f8fa }
.bold { font-weight: bold }
.dim { fill: #6e7781 }
.c1 { fill: #b3261e } .c2 { fill: #1a7f37 } .c3 { fill: #8a5a00 } .c4 { fill: #0550ae } .c5 { fill: #8250df } .c6 { fill: #0b6e7a }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } rect { fill: #161b22 } .dim { fill: #8b949e }
.c1 { fill: #ff7b72 } .c2 { fill: #7ee787 } .c3 { fill: #e3b341 } .c4 { fill: #79c0ff } .c5 { fill: #d2a8ff } .c6 { fill: #76e3ea }
}
</style>
`

// look is how the following characters are drawn.
type look struct {
	bold, dim bool
	colour    int // 1 to 6, or 0 for the default
}

func (l look) classes() string {
	var list []string
	if l.bold {
		list = append(list, "bold")
	}
	if l.dim {
		list = append(list, "dim")
	}
	if l.colour > 0 {
		list = append(list, fmt.Sprintf("c%d", l.colour))
	}
	return strings.Join(list, " ")
}

// apply changes the look as the parameters of an SGR sequence say. Backgrounds and the colours beyond the first eight
// are not drawn.
func (l *look) apply(parameters string) {
	for _, word := range strings.Split(parameters, ";") {
		n, _ := strconv.Atoi(word)
		switch {
		case n == 0:
			*l = look{}
		case n == 1:
			l.bold = true
		case n == 2:
			l.dim = true
		case n == 22:
			l.bold, l.dim = false, false
		case n == 90:
			l.dim = true
		case n >= 31 && n <= 36:
			l.colour = n - 30
		case n >= 91 && n <= 96:
			l.colour = n - 90
		case n == 39:
			l.colour = 0
		}
	}
}

var (
	sgr   = regexp.MustCompile(`\x1b\[([0-9;]*)m`)
	words = regexp.MustCompile(`[^ ]+( [^ ]+)*`)
)

// draw returns the elements of a line, and its width in cells. Words that more than one blank separates are elements of
// their own, because some viewers draw one blank only. Each element has a length, so that columns are aligned in every
// font.
func draw(line string, row int, l *look) (string, int) {
	var b strings.Builder
	column := 0
	text := func(s string) {
		for _, m := range words.FindAllStringIndex(s, -1) {
			before, word := utf8.RuneCountInString(s[:m[0]]), s[m[0]:m[1]]
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" textLength="%.1f" lengthAdjust="spacingAndGlyphs" class="%s">`,
				margin+float64(column+before)*cellWidth, margin+row*cellHeight+fontSize,
				float64(utf8.RuneCountInString(word))*cellWidth, l.classes())
			_ = xml.EscapeText(&b, []byte(word))
			b.WriteString("</text>\n")
		}
		column += utf8.RuneCountInString(s)
	}
	at := 0
	for _, m := range sgr.FindAllStringSubmatchIndex(line, -1) {
		text(line[at:m[0]])
		l.apply(line[m[2]:m[3]])
		at = m[1]
	}
	text(strings.TrimRight(line[at:], " "))
	return strings.ReplaceAll(b.String(), ` class=""`, ""), column
}

func main() {
	var lines []string
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		lines = append(lines, in.Text())
	}
	for len(lines) > 0 && strings.TrimSpace(sgr.ReplaceAllString(lines[len(lines)-1], "")) == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		fmt.Fprintln(os.Stderr, "pictures: the screen is empty")
		os.Exit(1)
	}
	var body strings.Builder
	var l look
	columns := 80
	for row, line := range lines {
		text, width := draw(line, row, &l)
		body.WriteString(text)
		columns = max(columns, width)
	}
	width, height := 2*margin+float64(columns)*cellWidth, 2*margin+len(lines)*cellHeight
	fmt.Printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" role="img">`+"\n",
		width, height, width, height)
	fmt.Printf(style, fontSize)
	fmt.Printf(`<rect width="100%%" height="100%%" rx="6"/>`+"\n%s</svg>\n", body.String())
}
