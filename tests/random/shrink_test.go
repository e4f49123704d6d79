package random

import (
	"fmt"
	"slices"
	"testing"

	"github.com/p3dc/p3dc/tests/internal/draw"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// maxRounds is how often a text is made smaller: one program each.
const maxRounds = 25

// shrink returns the smallest text it finds that has a fault, and the fault. A
// round builds all texts that lack a little into one program, and goes on with
// the first that still has one.
func shrink(t *testing.T, n *network) (text string, fault error) {
	t.Helper()
	text = n.text
	for range maxRounds {
		smaller := draw.Smaller(text)
		networks, errs := make([]*network, len(smaller)), make([]error, len(smaller))
		suite.Each(len(smaller), func(i int) {
			networks[i], errs[i] = prepare(smaller[i], n.how)
			if networks[i].net != nil {
				networks[i].net.Name = fmt.Sprintf("r%ds%d", n.seed, i)
			}
		})
		run(t, networks, errs)
		at := slices.IndexFunc(errs, func(err error) bool { return err != nil })
		if at < 0 {
			break
		}
		text, fault = smaller[at], errs[at]
	}
	return text, fault
}
