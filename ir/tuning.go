package ir

import (
	"fmt"
	"strings"
)

// Tuning is how regions are computed where somebody has found out what is
// fastest. By a machine's name it has all regions but the input's, in the order
// of the ops; a machine that it lacks is left to the cost model.
//
// A graph with taps takes from it only by which algorithms the layers are
// computed: what is looked into must be the same bits, but not the same tasks.
type Tuning map[string][]Choice

// Choice is how one region is computed.
type Choice struct {
	First, Last string // the names of its first and its last op
	Algorithm   string // see [Region]
	// Tile is that of a task: see [Region]. Where one of several ops is
	// complete in time, T is that of the last op's result.
	Tile Shape
	Line int // where it stands in a file, for errors
}

// ChoiceError tells of a choice that does not fit the graph.
type ChoiceError struct {
	Line int // the choice's, 0 for the tuning as a whole
	Text string
}

// Error returns the text.
func (e *ChoiceError) Error() string { return e.Text }

func (c *Choice) fault(format string, args ...any) error {
	return &ChoiceError{Line: c.Line, Text: fmt.Sprintf(format, args...)}
}

// Choices returns what a plan has chosen, as a tuning has it.
func (p *Plan) Choices() []Choice {
	var choices []Choice
	for i := range p.Regions[1:] { // the first is the input
		r := &p.Regions[i+1]
		first, last := &r.Steps[0], &r.Steps[len(r.Steps)-1]
		tile := r.Tile
		if first != last && r.Space.T == 1 {
			tile.T = last.OutShape.T
		}
		choices = append(choices, Choice{First: first.Op, Last: last.Op, Algorithm: r.Algorithm, Tile: tile})
	}
	return choices
}

// task returns the tile of a draft as a choice has it.
func (s *scheduler) task(d *draft) Shape {
	tile := d.tile
	if d.end-d.first > 1 && d.space.T == 1 {
		tile.T = s.g.Values[s.ops[d.end-1].Out].Shape.T
	}
	return tile
}

// The name of no transform, and what stands between those of several ops.
const (
	directName     = "direct"
	algorithmsPlus = "+"
)

// name returns the transform's name in a region's algorithm.
func (f Transform) name() string {
	if f == (Transform{}) {
		return directName
	}
	return strings.ReplaceAll(f.String(), " ", "-")
}

// algorithm says how a draft's ops are computed: see [Region].
func (s *scheduler) algorithm(d *draft) string {
	var names []string
	direct := true
	for k, p := range d.parts {
		var f Transform
		if p.rows > 0 {
			f, direct = s.ops[d.first+k].transform, false
		}
		names = append(names, f.name())
	}
	if direct {
		return directName
	}
	return strings.Join(names, algorithmsPlus)
}

// chosen is a choice, its ops found.
type chosen struct {
	Choice
	end        int
	algorithms []string // by op
}

// tune looks up the ops of all choices. The choices must go through all ops.
func (s *scheduler) tune(choices []Choice) error {
	if len(choices) == 0 {
		return nil
	}
	s.chosen = make(map[int]chosen)
	at := 0
	for _, c := range choices {
		end, err := s.chosenEnd(&c, at)
		if err != nil {
			return err
		}
		names := strings.Split(c.Algorithm, algorithmsPlus)
		for c.Algorithm == directName && len(names) < end-at {
			names = append(names, directName)
		}
		if len(names) != end-at {
			return c.fault("found %s, %d algorithms, expected %d: one for each layer of %s..%s, or direct for all", c.Algorithm, len(names), end-at, c.First, c.Last)
		}
		s.chosen[at] = chosen{c, end, names}
		at = end
	}
	if at < len(s.ops) {
		return &ChoiceError{Text: fmt.Sprintf("nothing says how %s is computed, nor the layers behind it", s.ops[at].Name)}
	}
	return nil
}

// chosenEnd returns the op behind the last one of a choice, whose first one
// must be that at a place.
func (s *scheduler) chosenEnd(c *Choice, at int) (int, error) {
	if at == len(s.ops) {
		return 0, c.fault("found %s, expected nothing behind %s, the network's last layer", c.First, s.ops[at-1].Name)
	}
	if c.First != s.ops[at].Name {
		return 0, c.fault("found %s, expected %s, the network's next layer", c.First, s.ops[at].Name)
	}
	for k := at; k < len(s.ops); k++ {
		if s.ops[k].Name == c.Last {
			return k + 1, nil
		}
	}
	return 0, c.fault("the network has no %s behind %s", c.Last, c.First)
}

// tunedTransform returns the transform that a tuning has for op i, which must
// be one of the ways that it could have.
func (s *scheduler) tunedTransform(i int, ways []Transform) (Transform, error) {
	first := i
	for s.chosen[first].end <= i {
		first--
	}
	c := s.chosen[first]
	known := []string{directName}
	for _, f := range append([]Transform{{}}, ways...) {
		if f.name() == c.algorithms[i-first] {
			return f, nil
		}
	}
	for _, f := range ways {
		known = append(known, f.name())
	}
	return Transform{}, c.fault("found %s, expected %s for %s", c.algorithms[i-first], strings.Join(known, " or "), s.ops[i].Name)
}

// tunedTask returns the tile that a tuning has for a draft's ops, computed as
// the draft does.
func (s *scheduler) tunedTask(d *draft) (Shape, bool) {
	c, ok := s.chosen[d.first]
	return c.Tile, ok && c.end == d.end && c.Algorithm == s.algorithm(d)
}

// tunedDrafts drafts the regions of a tuning; nil if there is none for the
// graph to follow.
func (s *scheduler) tunedDrafts() ([]draft, error) {
	if s.chosen == nil || len(s.g.Taps) > 0 {
		return nil, nil
	}
	var drafts []draft
	for i := 0; i < len(s.ops); {
		c := s.chosen[i]
		if !s.fusable(i, c.end) {
			return nil, c.fault("%s..%s cannot share a region", c.First, c.Last)
		}
		d, ok := s.draft(i, c.end)
		if !ok {
			return nil, c.fault("%s..%s cannot share a region, computed by %s", c.First, c.Last, c.Algorithm)
		}
		if t := s.task(&d); t != c.Tile {
			return nil, c.fault("%s cannot be cut into tasks of %v, but for example of %v", c.First, c.Tile, t)
		}
		d.why = "tuned; " + d.why
		drafts = append(drafts, d)
		i = c.end
	}
	return drafts, nil
}
