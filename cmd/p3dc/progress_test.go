package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestProgressOnATerminal(t *testing.T) {
	var b bytes.Buffer
	p := progress{w: &b, terminal: true}
	p.phase("building")
	p.count("running", 0, 4)
	p.count("running", 1, 4)
	p.warn("odd")
	p.count("running", 2, 4)
	p.clear()
	for _, want := range []string{"building", "running", "(0/4)", "p3dc: warning: odd\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q lacks %q", &b, want)
		}
	}
	// What is left on the line is what was written last, over blanks.
	last := b.String()[strings.LastIndexByte(b.String(), '\n')+1:]
	if parts := strings.Split(last, "\r"); parts[len(parts)-1] != "" || strings.TrimSpace(parts[len(parts)-2]) != "" {
		t.Errorf("the bar is still there: %q", last)
	}
}

func TestProgressElsewhere(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b)
	p.phase("building")
	p.count("running", 1, 4)
	p.clear()
	if b.Len() > 0 {
		t.Errorf("wrote %q to what is no terminal", &b)
	}
	p.warn("odd")
	if b.String() != "p3dc: warning: odd\n" {
		t.Errorf("warning %q", &b)
	}
}
