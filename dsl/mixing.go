package dsl

import "slices"

// mixing hands out the kinds of blocks, stage after stage in the order of the
// network.
type mixing struct {
	blocks *Blocks
	dealt  int // of the network's mix, the kind that is next
}

// next returns the cycle of kinds of a stage, from its first block on. It is
// empty for flat stages, and where nothing gives the blocks a kind.
func (m *mixing) next(s *Stage) []Kind {
	mix := s.mix(m.blocks)
	switch {
	case s.Flat || len(mix) == 0:
		return nil
	case s.Mix != nil || m.blocks.WithinStage:
		return mix
	}
	first := m.dealt
	m.dealt = (first + s.Blocks) % len(mix)
	return slices.Concat(mix[first:], mix[:first])
}

// splits reports whether one of a stage's blocks is split, kinds being the
// stage's cycle.
func (s *Stage) splits(kinds []Kind) bool {
	return slices.Contains(kinds[:min(len(kinds), s.Blocks)], Split)
}
