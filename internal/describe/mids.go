package describe

import (
	"slices"

	"github.com/p3dc/p3dc/dsl"
)

// mids are the numbers of channels that a stage's split blocks have between S
// and T.
type mids struct {
	number    int  // the first, 0 without split blocks
	several   bool // another one differs
	unmatched bool // one of them is not what `mid matched` says
}

// with returns the numbers of a stage that has one more block.
func (m mids) with(b *block) mids {
	for _, n := range b.mids {
		if m.number == 0 {
			m.number = n
		}
		m.several = m.several || n != m.number
	}
	m.unmatched = m.unmatched || !b.matched()
	return m
}

// sayable reports whether a stage can say the numbers: as one, or as `mid
// matched`.
func (m mids) sayable() bool { return !m.several || !m.unmatched }

// mid returns what a stage says of its split blocks, 0 without any. It is an
// error where a block has two numbers that are not what `mid matched` says.
func (s *stage) mid() (int, error) {
	b := s.first()
	switch {
	case !s.mids.sayable():
		return 0, errAt(b.first, "the block that begins with it has %d channels between its convolutions in space and time, and then %d; a description's block has one number, or those that follow from the others as `mid matched` says", b.mids[0], b.mids[1])
	case s.mids.several:
		return dsl.MidMatched, nil
	}
	return s.mids.number, nil
}

// matched reports whether a split block has as many channels between S and T
// as `mid matched` says; other blocks have.
func (b *block) matched() bool {
	want := dsl.MatchedMid(b.in, b.width)
	return !slices.ContainsFunc(b.mids, func(mid int) bool { return mid != want })
}
