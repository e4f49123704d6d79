package figure

// Sizes in pixels.
const (
	margin     = 20
	top        = 74 // of the first row
	labelWidth = 226
	boxHeight  = 38
	blockWidth = 44
	gap        = 16 // between boxes
	rise       = 16 // of a shortcut above its box
	lineRoom   = 82 // from one row's boxes to those of the next
	minWidth   = 730
	// blocksInRow is how many blocks a row holds at most.
	blocksInRow = 12
	// layersInRow is how wide a row of single layers may be.
	layersInRow = blocksInRow*(blockWidth+gap) + 80
)

// letter is how wide a letter of the smaller text is, and rather more in most
// fonts.
const letter = 6.3

// layout is where things are.
type layout struct {
	*reader
	rows          []row
	entries       []entry // of the legend
	width, height float64
}

// row is a line of boxes; the first of a section's has its label.
type row struct {
	section *section // nil of the others
	boxes   []box
	y       float64 // of the boxes' tops
}

// box is where an item is.
type box struct {
	*item
	x, width float64
}

func (b *box) right() float64 { return b.x + b.width }

// newLayout places the sections, row by row, and the legend below.
func newLayout(r *reader) *layout {
	l := &layout{reader: r, width: minWidth}
	y := float64(top)
	for _, s := range r.sections {
		for i, items := range s.rows() {
			row := row{y: y + rise + 6}
			if i == 0 {
				row.section = s
			}
			x := float64(margin + labelWidth)
			for j := range items {
				b := box{item: &items[j], x: x, width: items[j].width()}
				row.boxes = append(row.boxes, b)
				x = b.right() + gap
			}
			l.rows = append(l.rows, row)
			l.width = max(l.width, x+margin)
			y += lineRoom
		}
	}
	l.placeLegend(y + 14)
	return l
}

// width returns how wide an item's box is.
func (it *item) width() float64 {
	if it.kind != nil {
		return blockWidth
	}
	n := len(it.below)
	for _, line := range it.lines {
		n = max(n, len(line))
	}
	return letter*float64(n) + 10
}

// rows splits a section's items: blocks into rows of about equal numbers, with
// what follows them in the last one; single layers where a row is full.
func (s *section) rows() [][]item {
	blocks := 0
	for blocks < len(s.items) && s.items[blocks].kind != nil {
		blocks++
	}
	var rows [][]item
	from := 0
	if n := (blocks + blocksInRow - 1) / blocksInRow; n > 0 {
		each := (blocks + n - 1) / n
		for ; blocks-from > each; from += each {
			rows = append(rows, s.items[from:from+each])
		}
	}
	width := 0.0
	for i := from; i < len(s.items); i++ {
		if i >= blocks {
			width += s.items[i].width() + gap
		}
		if width > layersInRow {
			rows = append(rows, s.items[from:i])
			from, width = i, 0
		}
	}
	return append(rows, s.items[from:])
}
