package editors

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// grammar is a TextMate grammar, as far as ours needs it. Its expressions are
// those that both Oniguruma and RE2 know.
type grammar struct {
	ScopeName  string           `json:"scopeName"`
	FileTypes  []string         `json:"fileTypes"`
	Patterns   []*rule          `json:"patterns"`
	Repository map[string]*rule `json:"repository"`

	compiled map[string]*regexp.Regexp
}

// rule is a pattern of a grammar: an expression, a pair of them with patterns
// for what is between, or a list of patterns.
type rule struct {
	Name          string             `json:"name"`
	Include       string             `json:"include"`
	Match         string             `json:"match"`
	Begin         string             `json:"begin"`
	End           string             `json:"end"`
	Captures      map[string]capture `json:"captures"`
	BeginCaptures map[string]capture `json:"beginCaptures"`
	EndCaptures   map[string]capture `json:"endCaptures"`
	Patterns      []*rule            `json:"patterns"`
}

type capture struct {
	Name string `json:"name"`
}

const grammarFile = "editors/vscode/syntaxes/p3d.tmLanguage.json"

func readGrammar(t *testing.T) *grammar {
	t.Helper()
	g := &grammar{compiled: map[string]*regexp.Regexp{}}
	if err := json.Unmarshal([]byte(readFile(t, grammarFile)), g); err != nil {
		t.Fatal(err)
	}
	return g
}

// expressions returns all expressions of the grammar.
func (g *grammar) expressions() (all []string) {
	var walk func(rules []*rule)
	walk = func(rules []*rule) {
		for _, r := range rules {
			for _, e := range []string{r.Match, r.Begin, r.End} {
				if e != "" {
					all = append(all, e)
				}
			}
			walk(r.Patterns)
		}
	}
	walk(g.Patterns)
	for _, r := range g.Repository {
		walk([]*rule{r})
	}
	return all
}

// flatten resolves includes and lists of patterns, in their order.
func (g *grammar) flatten(rules []*rule) (flat []*rule) {
	for _, r := range rules {
		switch {
		case r.Include != "":
			flat = append(flat, g.flatten([]*rule{g.Repository[r.Include[1:]]})...)
		case r.Match == "" && r.Begin == "":
			flat = append(flat, g.flatten(r.Patterns)...)
		default:
			flat = append(flat, r)
		}
	}
	return flat
}

// find returns where an expression next matches a line, from a place on; nil
// where it does not. What matched before ends with a word, so that the place is
// a word's boundary where the expression looks for one.
func (g *grammar) find(expression, line string, from int) []int {
	if g.compiled[expression] == nil {
		g.compiled[expression] = regexp.MustCompile(expression)
	}
	m := g.compiled[expression].FindStringSubmatchIndex(line[from:])
	for i := range m {
		if m[i] >= 0 {
			m[i] += from
		}
	}
	return m
}

// scopes returns the innermost scope of each byte of a text, "" where it has
// none.
func (g *grammar) scopes(text string) []string {
	var all []string
	var stack []*rule // that have begun, not ended
	for line := range strings.SplitAfterSeq(text, "\n") {
		scopes := make([]string, len(line))
		set := func(from, to int, name string) {
			for i := from; i < to && name != ""; i++ {
				scopes[i] = name
			}
		}
		captures := func(m []int, names map[string]capture) {
			for i := 0; 2*i < len(m); i++ {
				if m[2*i] >= 0 {
					set(m[2*i], m[2*i+1], names[string(rune('0'+i))].Name)
				}
			}
		}
		body := strings.TrimSuffix(line, "\n")
		for at := 0; at <= len(body); {
			rules, inside := g.Patterns, ""
			var best []int
			var found *rule // nil for the end of what has begun
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				rules, inside = top.Patterns, top.Name
				best = g.find(top.End, body, at)
			}
			for _, r := range g.flatten(rules) {
				if m := g.find(r.Match+r.Begin, body, at); m != nil && (best == nil || m[0] < best[0]) {
					best, found = m, r
				}
			}
			if best == nil {
				set(at, len(body), inside)
				break
			}
			set(at, best[0], inside)
			switch {
			case found == nil:
				set(best[0], best[1], inside)
				captures(best, stack[len(stack)-1].EndCaptures)
				stack = stack[:len(stack)-1]
			case found.Begin != "":
				set(best[0], best[1], found.Name)
				captures(best, found.BeginCaptures)
				stack = append(stack, found)
			default:
				set(best[0], best[1], found.Name)
				captures(best, found.Captures)
			}
			if best[1] == best[0] && found != nil {
				panic("BUG: a pattern that matches nothing: " + found.Match + found.Begin)
			}
			at = best[1]
		}
		all = append(all, scopes...)
	}
	return all
}
