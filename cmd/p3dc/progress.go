package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress tells on a terminal how far the work is; elsewhere only warnings
// are written.
type progress struct {
	w   io.Writer
	bar *progressbar.ProgressBar // nil where w is no terminal
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(false),
		)
	}
	return p
}

// phase shows what is being done, for as long as it takes.
func (p *progress) phase(text string) {
	if p.bar == nil {
		return
	}
	p.bar.Reset()
	p.bar.ChangeMax(-1)
	p.bar.Describe(text)
}

// frames shows how many frames of a video are decoded. A total of 0 is
// unknown.
func (p *progress) frames(video string, done, total int) {
	if p.bar == nil {
		return
	}
	p.bar.Describe(video + ": frames")
	if total == 0 {
		total = -1
	}
	p.bar.ChangeMax(total)
	_ = p.bar.Set(done) // what it fails to draw matters to nobody
}

// warn writes a sentence about something odd.
func (p *progress) warn(text string) {
	p.clear()
	fmt.Fprintf(p.w, "p3dc: warning: %s\n", text)
}

// clear removes the bar from the terminal.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
