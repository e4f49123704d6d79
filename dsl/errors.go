package dsl

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/p3dc/p3dc/ir"
)

// Error is one fault in a description and where it stands.
type Error struct {
	Pos  ir.Pos // the zero line means that the fault is not in a file, but in an override
	Msg  string // what was found, what was expected, what to do
	Line string // the source line, empty without one
}

// Error formats the fault as file:line:column: message, followed by the
// source line and a caret under the column.
func (e *Error) Error() string {
	head := fmt.Sprintf("%v: %s", e.Pos, e.Msg)
	if e.Line == "" || e.Pos.Col < 1 {
		return head
	}
	line, col := clip([]rune(e.Line), e.Pos.Col-1)
	var pad strings.Builder
	for _, c := range line[:col] {
		if c != '\t' {
			c = ' '
		}
		pad.WriteRune(c)
	}
	return fmt.Sprintf("%s\n\t%s\n\t%s^", head, string(line), pad.String())
}

// clip cuts a very long line to the part around a column.
func clip(line []rune, col int) ([]rune, int) {
	const limit, before, after = 160, 80, 40
	col = min(col, len(line))
	if len(line) <= limit {
		return line, col
	}
	lo, hi := max(0, col-before), min(len(line), col+after)
	return line[lo:hi], col - lo
}

// ErrorList is all faults found in one description, in the order of the text.
type ErrorList []*Error

// Error joins all messages, one after the other.
func (l ErrorList) Error() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "\n")
}

// Unwrap lets errors.As and errors.Is see every fault.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// err returns the list sorted by position, or nil when it is empty. Past
// MaxFaults, one last entry says how many more there are.
func (l ErrorList) err() error {
	if len(l) == 0 {
		return nil
	}
	sort.SliceStable(l, func(i, j int) bool {
		a, b := l[i].Pos, l[j].Pos
		return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
	})
	if more := len(l) - MaxFaults; more > 0 {
		rest := &Error{Pos: l[MaxFaults].Pos, Msg: fmt.Sprintf("%d more faults from here on are not shown", more)}
		l = append(l[:MaxFaults], rest)
	}
	return l
}

// source is a description's text by lines, from which errors quote.
type source struct {
	file  string
	lines []string
}

// error makes an Error at a position of this source or of an override.
func (s *source) error(pos ir.Pos, format string, args ...any) *Error {
	e := &Error{Pos: pos, Msg: fmt.Sprintf(format, args...)}
	if s != nil && pos.File == s.file && 1 <= pos.Line && pos.Line <= len(s.lines) {
		e.Line = strings.TrimRight(s.lines[pos.Line-1], "\r")
	}
	return e
}

// oneOf lists choices as a sentence does: A, B or C.
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// unknown is the message for a word that is none of the choices, with the
// nearest one if it looks like a slip.
func unknown(what, word string, choices []string) string {
	msg := fmt.Sprintf("unknown %s %q; expected %s", what, shorten(word), oneOf(choices))
	if s := nearest(word, choices); s != "" && len(choices) > 1 {
		msg += fmt.Sprintf(" (did you mean %q?)", s)
	}
	return msg
}

// shorten keeps messages readable when a word is absurdly long.
func shorten(word string) string {
	const limit = 40
	if utf8.RuneCountInString(word) <= limit {
		return word
	}
	return string([]rune(word)[:limit]) + "..."
}

// nearest returns the choice that differs from word by the fewest edits,
// ignoring case, or else the first that word is the beginning of, or "" where
// nothing is near enough to be a slip.
func nearest(word string, choices []string) string {
	if len(word) > 64 {
		return ""
	}
	best, bestAt := "", max(2, len(word)/3+1)
	for _, c := range choices {
		d := edits(strings.ToLower(word), strings.ToLower(c))
		if d < bestAt && d < len(c) {
			best, bestAt = c, d
		}
	}
	if i := slices.IndexFunc(choices, func(c string) bool { return strings.HasPrefix(c, word) }); best == "" && len(word) >= 3 && i >= 0 {
		return choices[i]
	}
	return best
}

// edits counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func edits(a, b string) int {
	var before []int // the row before last
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
