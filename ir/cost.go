package ir

import "slices"

// traffic is what an op moves, in bytes.
type traffic struct{ weights, in, out int }

func (s *scheduler) traffic(op *plannedOp) traffic {
	t := traffic{in: 4 * s.g.Values[op.in].Shape.Elems(), out: 4 * s.g.Values[op.Out].Shape.Elems()}
	switch {
	case op.project != nil:
		t.in += 4 * op.every.of(s.g.Values[op.res].Shape).Elems()
	case op.res != NoBuffer:
		t.out *= 2 // read, then written
	}
	if op.kind == KernelConv {
		t.weights = 4 * s.reduction(op) * op.conv.Out
	}
	return t
}

// reduction returns how many products a result of op is the sum of.
func (s *scheduler) reduction(op *plannedOp) int {
	n := op.conv.Taps() * s.g.Values[op.in].Shape.C
	if op.project != nil {
		n += s.g.Values[op.res].Shape.C
	}
	return n
}

// layerCycles predicts a region of one op, cut into tasks of the given tile.
// A task reads its inputs once a panel of channels, and its weights from the
// second-level cache where those of one task fit there.
func (s *scheduler) layerCycles(space, tile Shape, rt regTile, compute float64, t traffic) float64 {
	m := &s.m
	n := (&Region{Space: space, Tile: tile}).Tiles()
	pixels, channels := n.T*n.H*n.W, n.C
	tasks := pixels * channels
	panels := (tile.C + rt.vectors*m.Lanes - 1) / (rt.vectors * m.Lanes)
	in, weights := t.in/pixels, t.weights/channels
	move := float64(t.out/tasks) * m.Arena
	move += float64(in) * (m.Arena + float64(panels-1)*m.level(in))
	move += float64(weights) * m.level(weights)
	task := compute/float64(tasks) + move
	return m.spread(task, tasks)
}

// level returns the cost of a byte of a working set read again and again. The
// larger it is, the more of a core's share of the third-level cache it takes
// from what others keep there.
func (m *Machine) level(bytes int) float64 {
	if bytes <= m.CacheL2/2 {
		return m.L2
	}
	crowd := float64(bytes-m.CacheL2) / float64(m.CacheL3-m.CacheL2)
	return m.L3 + min(1, max(0, crowd))*(m.Arena-m.L3)
}

// crowded returns the cost of a byte of a working set that shares the
// second-level cache with what streams through: the fuller that is, the more
// of the set it pushes out.
func (m *Machine) crowded(bytes int) float64 {
	if bytes > m.CacheL2 {
		return m.level(bytes)
	}
	return m.L2 + float64(bytes)/float64(m.CacheL2)*(m.L3-m.L2)
}

// spread predicts a region of equal tasks on all cores. A quarter task is
// added for the wait at its end: cores are never equally fast.
func (m *Machine) spread(task float64, tasks int) float64 {
	rounds := (tasks + m.Cores - 1) / m.Cores
	return task*(float64(rounds)+0.25) + m.Barrier
}

// fusedCost adds up one tile of a fused region.
type fusedCost struct {
	compute     float64
	weights     int // bytes that every tile reads
	scratch     int // bytes that stay in the tile
	arena       int // bytes that enter or leave it
	scratchMove int // bytes written to and read from scratch
	read        []BufferID
}

// add adds an op of the region [i, j), of whose result a tile has the given
// extents.
func (c *fusedCost) add(s *scheduler, op *plannedOp, view Shape, i, j int) {
	if op.transform == (Transform{}) {
		c.weights += s.traffic(op).weights
	}
	out := s.g.Values[op.Out].Shape
	share := float64(view.T*view.H) / float64(out.T*out.H)
	bytes := func(v BufferID) int {
		sh := s.g.Values[v].Shape
		return int(share * float64(4*sh.T*sh.H*sh.W*s.plan.Buffers[v].Pixel))
	}
	for _, v := range []BufferID{op.in, op.res} {
		if v == NoBuffer {
			continue
		}
		if s.writtenBy(v, i, j) || slices.Contains(c.read, v) {
			c.scratchMove += bytes(v) // just written or read: still in the cache
			continue
		}
		c.arena += bytes(v)
		c.read = append(c.read, v)
	}
	if s.local(op.out, i, j) {
		c.scratch += bytes(op.out)
		c.scratchMove += bytes(op.out)
	} else {
		c.arena += bytes(op.out)
	}
}

func (c *fusedCost) cycles(m *Machine, tiles int) float64 {
	each := m.crowded(c.scratch + c.weights)
	move := float64(c.arena)*m.Arena + float64(c.scratchMove+c.weights)*each
	return m.spread(c.compute+move, tiles)
}
