package main

import (
	"strconv"
	"strings"
)

// chains replaces each word chain=NAME:N.
func chains(words []string) (all []string) {
	for _, word := range words {
		with, ok := strings.CutPrefix(word, "chain=")
		if !ok {
			all = append(all, word)
			continue
		}
		name, n, _ := strings.Cut(with, ":")
		for i := range integer(n) {
			all = append(all, "child", "name="+name+strconv.Itoa(i+1))
		}
		for range integer(n) {
			all = append(all, "end")
		}
	}
	return all
}

func isChild(word string) bool { return word == "child" || word == "orphan" }

// end returns the index of the word that ends the child that words[i] begins.
func end(words []string, i int) int {
	depth := 0
	for j := i; j < len(words); j++ {
		switch {
		case isChild(words[j]):
			depth++
		case words[j] == "end":
			if depth--; depth == 0 {
				return j
			}
		}
	}
	return len(words)
}

func integer(s string) int {
	n, err := strconv.Atoi(s)
	must(s, err)
	return n
}
