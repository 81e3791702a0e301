// Package suggest finds the word that a user probably meant.
package suggest

// Closest returns the word of known that needs the fewest edits to become word, and the first of several. An edit
// inserts, removes or replaces a byte, or swaps two adjacent ones (optimal string alignment). One edit is allowed for
// words of 3 to 5 bytes, and two for longer ones; if more are needed, Closest returns "". Of words with as many edits,
// swaps are preferred to omissions and insertions, and these to replacements; then a word with the same first byte.
func Closest(word string, known []string) string {
	best, fewest := "", (min(len(word)/3, 2)+1)*edit
	for _, candidate := range known {
		n := distance(word, candidate)
		nearer := n < fewest || n == fewest && best != "" && best[0] != word[0] && candidate[0] == word[0]
		if nearer && n/edit < len(candidate)-1 {
			best, fewest = candidate, n
		}
	}
	return best
}

// The costs of the edits, of which any two cost more than any one. edit is the lowest.
const (
	edit        = 10
	swap        = edit
	omission    = edit + 1 // or insertion
	replacement = edit + 2
)

// distance returns the cost of the edits, or that of 3 if more than two are needed because of the lengths alone.
func distance(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3 * edit
	}
	previous, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j * omission
	}
	for i := range len(a) {
		next[0] = (i + 1) * omission
		for j := range len(b) {
			cost := replacement
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+omission, next[j]+omission)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], previous[j-1]+swap)
			}
		}
		previous, row, next = row, next, previous
	}
	return row[len(b)]
}
