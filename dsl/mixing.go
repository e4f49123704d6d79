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

// Kinds returns the kinds of all blocks that are not of flat stages, in order, of
// a network that [Check] accepts.
func (n *Network) Kinds() []Kind {
	m := mixing{blocks: only[*Blocks](n)}
	var kinds []Kind
	for _, s := range list[*Stage](n) {
		cycle := m.next(s)
		for i := 0; i < s.Blocks && cycle != nil; i++ {
			kinds = append(kinds, cycle[i%len(cycle)])
		}
	}
	return kinds
}
