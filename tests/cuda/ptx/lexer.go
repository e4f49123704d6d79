package ptx

import "strings"

// token is a word, a number or a sign of a PTX text. End is the token behind the last.
type token struct {
	text string
	line int
}

const wordSigns = "_$%."

// tokens splits a text and leaves comments out.
func tokens(text string) []token {
	var list []token
	line := 1
	for at := 0; at < len(text); {
		rest := text[at:]
		switch c := text[at]; {
		case c == '\n':
			line++
			at++
		case c == ' ' || c == '\t' || c == '\r':
			at++
		case strings.HasPrefix(rest, "//"):
			at += length(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			n := length(rest, "*/")
			line += strings.Count(rest[:n], "\n")
			at += n
		case c == '"':
			n := 1 + length(rest[1:], `"`) + 1
			list = append(list, token{rest[:min(n, len(rest))], line})
			at += n
		default:
			n := wordLength(rest)
			list = append(list, token{rest[:n], line})
			at += n
		}
	}
	return append(list, token{"", line})
}

// length returns how much of a text is before the first end.
func length(text, end string) int {
	if n := strings.Index(text, end); n >= 0 {
		return n
	}
	return len(text)
}

// wordLength returns the length of the word that a text begins with, of which a
// number's minus is a part. Other signs stand for themselves.
func wordLength(text string) int {
	n := 0
	if text[0] == '-' {
		n = 1
	}
	for n < len(text) && isWord(text[n]) {
		n++
	}
	return max(n, 1)
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte(wordSigns, c) >= 0
}
