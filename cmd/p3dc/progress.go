package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress tells on a terminal how far the work is; elsewhere only warnings
// are written.
type progress struct {
	w        io.Writer
	terminal bool

	bar  *progressbar.ProgressBar // of the phase under way, or nil
	what string
	of   int
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

// phase shows what is being done, for as long as it takes.
func (p *progress) phase(what string) { p.count(what, 0, 0) }

// count shows what is being done and how much of it is. A total of 0 is
// unknown.
func (p *progress) count(what string, done, total int) {
	if !p.terminal {
		return
	}
	if p.bar == nil || p.what != what || p.of != total {
		p.clear()
		p.bar, p.what, p.of = newBar(p.w, what, total), what, total
	}
	_ = p.bar.Set(done) // a bar that cannot be drawn matters to nobody
}

// redraw is the least time between two states of a bar.
const redraw = 50 * time.Millisecond

func newBar(w io.Writer, what string, total int) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(redraw),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine that draws
		progressbar.OptionSetRenderBlankState(true),
	}
	if total == 0 {
		return progressbar.NewOptions(-1, options...)
	}
	return progressbar.NewOptions(total, append(options, progressbar.OptionShowCount())...)
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
		p.bar = nil
	}
}
