package ir

// Ahead says which operands of a step a worker asks for while it computes the
// tile before, so that they are in its caches when their turn comes.
type Ahead struct{ In, Res, Out bool }

// lookAhead decides what is asked for ahead: what tiles take from the arena, not
// from steps before in the region, each map once. What its epilogue touches a
// conv kernel asks for itself, during the reduction.
func lookAhead(p *Plan) {
	for r := range p.Regions {
		seen := map[BufferID]bool{NoBuffer: true}
		fresh := func(id BufferID) bool {
			if seen[id] || p.Buffers[id].Space == Scratch {
				return false
			}
			seen[id] = true
			return true
		}
		for s := range p.Regions[r].Steps {
			st := &p.Regions[r].Steps[s]
			k := &p.Kernels[st.Kernel]
			if k.Kind != KernelConv && k.Kind != KernelPool {
				continue // the caller's clip, a few scores
			}
			st.Ahead.In = fresh(st.In)
			if st.Winograd != nil || k.K2 > 0 {
				st.Ahead.Res = fresh(st.Res)
			}
			if st.Winograd != nil {
				st.Ahead.Out = fresh(st.Out)
			}
			seen[st.Out] = true
		}
	}
}
