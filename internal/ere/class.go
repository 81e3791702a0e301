package ere

// class returns the ranges of a class of characters, nil if there is none.
func class(name string) []rune {
	ranges := ""
	switch name {
	case "alnum":
		ranges = "09AZaz"
	case "alpha":
		ranges = "AZaz"
	case "blank":
		ranges = "\t\t  "
	case "cntrl":
		ranges = "\x00\x1f\x7f\x7f"
	case "digit":
		ranges = "09"
	case "graph":
		ranges = "!~"
	case "lower":
		ranges = "az"
	case "print":
		ranges = " ~"
	case "punct":
		ranges = "!/:@[`{~"
	case "space":
		ranges = "\t\r  "
	case "upper":
		ranges = "AZ"
	case "word": // \w; brackets do not know it
		ranges = "09AZ__az"
	case "xdigit":
		ranges = "09AFaf"
	}
	return []rune(ranges)
}

// special returns what a letter after a backslash means to glibc beyond POSIX,
// nil if it is the letter itself.
func special(r rune) *instruction {
	switch r {
	case 'w', 'W':
		return &instruction{code: inSet, set: &set{class("word"), r == 'W'}}
	case 's', 'S':
		return &instruction{code: inSet, set: &set{class("space"), r == 'S'}}
	case 'b':
		return &instruction{code: wordEdge}
	case 'B':
		return &instruction{code: notWordEdge}
	case '<':
		return &instruction{code: wordBegin}
	case '>':
		return &instruction{code: wordEnd}
	case '`':
		return &instruction{code: textBegin}
	case '\'':
		return &instruction{code: textEnd}
	}
	return nil
}
