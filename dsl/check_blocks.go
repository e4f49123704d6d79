package dsl

// stage checks a stage and what its blocks are made of.
func (c *checker) stage(s *Stage) {
	what := "stage " + s.Name + ": "
	c.in(&s.Node, "width", what+"the width", s.Width, 1, MaxChannels)
	c.in(&s.Node, "blocks", what+"the number of blocks", s.Blocks, 1, MaxBlocks)
	c.extent(&s.Node, "stride", what+"the stride", s.Stride, 1)
	if s.Flat && s.stride().T != 1 {
		c.errorf(s.at("stride"), "%sa flat stage takes every frame alone; expected stride 1x%dx%d, found %v", what, s.stride().H, s.stride().W, s.Stride)
	}
	c.mid(&s.Node, what, s.Mid)
	b := c.mixing.blocks
	var kinds []Kind
	if b != nil {
		kinds = c.mixing.next(s)
	}
	switch {
	case b == nil:
		c.errorf(s.Pos, "%snothing says how its blocks are made; add `block bottleneck mix A B C` before the stages", what)
	case s.Flat && s.Mix != nil:
		c.errorf(s.at("mix"), "%sthe blocks of a flat stage have no kind; remove the mix, or flat", what)
	case s.Flat && s.Mid != 0:
		c.errorf(s.at("mid"), "%sthe blocks of a flat stage have S alone, and nothing behind it; remove mid, or flat", what)
	case !s.Flat && len(kinds) == 0:
		mix := "A B C"
		if b.Form == Basic {
			mix = string(Full)
		}
		c.errorf(s.Pos, "%sits blocks have no kind; add `mix %s` to the block statement at %v, or make the stage flat", what, mix, b.Pos)
	case !s.Flat && !b.Form.has(s.Mix):
		c.errorf(s.at("mix"), "%sits mix has a kind that is not of %s blocks; expected %s", what, b.Form, oneOf(b.Form.kinds()))
	case s.splits(kinds) && s.mid(b) == 0:
		c.errorf(s.Pos, "%snothing says how many channels lie between S and T of its split blocks; add `mid matched` or `mid` and a number", what)
	case s.Width <= MaxChannels && b.Expansion <= MaxKernel && s.Width*b.Expansion > MaxChannels:
		c.errorf(s.at("width"), "%swidth %d times expansion %d are more than %d channels", what, s.Width, b.Expansion, MaxChannels)
	}
}

// mid checks the number of channels between S and T of split blocks.
func (c *checker) mid(n *Node, what string, mid int) {
	if n.has("mid") && mid != MidMatched {
		c.in(n, "mid", what+"the number of channels between S and T", mid, 1, MaxChannels)
	}
}
