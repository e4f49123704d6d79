package video

import (
	"cmp"
	"strings"
)

// compareNatural orders names as a person would: runs of digits count by their
// value, so frame2 comes before frame10. Names that differ in leading zeros
// only fall back to the order of their bytes, so the order is total.
func compareNatural(a, b string) int {
	restA, restB := a, b
	for restA != "" && restB != "" {
		var partA, partB string
		partA, restA = cutPart(restA)
		partB, restB = cutPart(restB)
		if isDigit(partA[0]) && isDigit(partB[0]) {
			valueA, valueB := strings.TrimLeft(partA, "0"), strings.TrimLeft(partB, "0")
			if c := cmp.Compare(len(valueA), len(valueB)); c != 0 {
				return c
			}
			partA, partB = valueA, valueB
		}
		if c := strings.Compare(partA, partB); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(len(restA), len(restB)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// cutPart splits off a run of digits, or of anything else.
func cutPart(s string) (part, rest string) {
	n := 1
	for n < len(s) && isDigit(s[n]) == isDigit(s[0]) {
		n++
	}
	return s[:n], s[n:]
}

// isDigit says whether c is an ASCII digit.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
