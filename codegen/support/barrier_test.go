package support

import (
	"context"
	"fmt"
	"testing"
)

// idleModel is a network of so many regions in which there is nothing to do.
func idleModel(regions int) *Model {
	m := &Model{net: &network{}, plan: &plan{}}
	for range regions {
		m.plan.regions = append(m.plan.regions, region{space: shape{1, 1, 1, 1}, tile: shape{1, 1, 1, 1}})
	}
	m.packed.Store(newPackedWeights(nil, nil))
	return m
}

// BenchmarkMeet is what it costs that workers meet behind a region.
func BenchmarkMeet(b *testing.B) {
	for _, threads := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			const regions = 1000
			t := newTeam(idleModel(regions), config{threads: threads, batch: 1})
			defer t.dismiss()
			for range b.N/regions + 1 {
				if err := t.execute(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkForkJoin is what a run costs beside its regions, one run after
// another.
func BenchmarkForkJoin(b *testing.B) {
	for _, threads := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			t := newTeam(idleModel(1), config{threads: threads, batch: 1})
			defer t.dismiss()
			for range b.N {
				if err := t.execute(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
