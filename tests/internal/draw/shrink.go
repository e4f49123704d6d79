package draw

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	number    = regexp.MustCompile(`[ x/]([0-9]+)`)
	braces    = regexp.MustCompile(`(?s) \{\n        .*?\n    \}`)
	kind      = regexp.MustCompile(` (A|B|C|full|spatial|split)\b`)
	attribute = regexp.MustCompile(` (stride|pad|expansion|within|through|as|mid) [^ \n]+| (bias|ceil|floor|relu|features|flat|first|middle)\b`)
)

// Smaller returns the valid texts that lack a statement or an attribute of the
// given one, or have a smaller number somewhere. Those that lack most come first.
func Smaller(text string) []string {
	text = strings.ReplaceAll(text, " then ", "\n    ")
	var all []string
	seen := map[string]bool{text: true}
	add := func(s string) {
		if !seen[s] && valid(s) {
			seen[s] = true
			all = append(all, s)
		}
	}
	for _, s := range withoutStatement(text) {
		add(s)
	}
	for _, part := range []*regexp.Regexp{braces, attribute, kind} {
		for _, at := range part.FindAllStringIndex(text, -1) {
			add(text[:at[0]] + text[at[1]:])
		}
	}
	for _, less := range []func(int) int{func(int) int { return 1 }, func(n int) int { return n / 2 }, func(n int) int { return n - 1 }} {
		for _, at := range number.FindAllStringSubmatchIndex(text, -1) {
			if n, err := strconv.Atoi(text[at[2]:at[3]]); err == nil && n > 1 {
				add(text[:at[2]] + fmt.Sprint(less(n)) + text[at[3]:])
			}
		}
	}
	return all
}

// withoutStatement returns the texts that lack one statement, braces and all.
func withoutStatement(text string) []string {
	lines := strings.Split(strings.TrimSuffix(text, "\n}\n"), "\n")
	var all []string
	for from := 1; from < len(lines); {
		to := from + 1
		if strings.HasSuffix(lines[from], "{") {
			for lines[to-1] != "    }" {
				to++
			}
		}
		rest := append(append([]string(nil), lines[:from]...), lines[to:]...)
		all = append(all, strings.Join(rest, "\n")+"\n}\n")
		from = to
	}
	return all
}
