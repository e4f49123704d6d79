package random

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"testing"

	"github.com/p3dc/p3dc/tests/internal/suite"
)

var (
	count = flag.Int("n", 24, "number of random networks")
	first = flag.Uint64("seed", 1, "seed of the first random network; the others follow")
	most  = flag.Int("shrink", 3, "how many networks with a fault are made smaller at most, which takes a minute each")
)

// batch is how many networks share a program.
const batch = 50

// TestRandom draws networks and compares all ways to compute them. For more than
// the usual ones:
//
//	go test ./tests/random -args -n 500 -seed 1000
func TestRandom(t *testing.T) {
	n := *count
	if testing.Short() {
		n = min(n, 8)
	}
	var cache *suite.Cache
	if n > batch {
		cache = suite.NewCache(t)
		t.Setenv("GOCACHE", cache.Dir)
	}
	exact, loose, bad := 0, 0, 0
	for from := 0; from < n; from += batch {
		networks := make([]*network, min(batch, n-from))
		errs := make([]error, len(networks))
		suite.Each(len(networks), func(i int) { networks[i], errs[i] = drawn(*first + uint64(from+i)) })
		run(t, networks, errs)
		if cache != nil {
			if err := cache.Prune(); err != nil {
				t.Fatal(err)
			}
		}
		for i, net := range networks {
			if net.exact {
				exact++
			}
			if net.loose {
				loose++
			}
			if errs[i] == nil {
				continue
			}
			t.Errorf("%v\n%v\n%s", errs[i], net.how, net.text)
			if bad++; bad <= *most {
				text, err := shrink(t, net)
				t.Errorf("in small: %v\n%s", err, text)
			}
		}
	}
	t.Logf("%d networks from seed %d: %d on exact data, %d with a value that needs a bound of its own, %d with a fault", n, *first, exact, loose, bad)
	if n >= 20 && (exact < n/20 || exact > n-n/20) {
		t.Errorf("%d of %d networks are exact; expected some of either kind", exact, n)
	}
}

// run builds the networks that have no error so far into a program, and adds what
// is wrong with what they compute to the errors.
func run(t *testing.T, networks []*network, errs []error) {
	t.Helper()
	var nets []*suite.Net
	at := map[*suite.Net]int{}
	for i, n := range networks {
		if errs[i] == nil {
			nets = append(nets, n.net)
			at[n.net] = i
		}
	}
	if len(nets) == 0 {
		return
	}
	p := suite.Build(t, nets)
	results, err := p.TryRun(t, p.ISAs(t))
	if err != nil {
		// One network ended the program: which one, only a program of each tells.
		if len(nets) == 1 {
			errs[at[nets[0]]] = err
			return
		}
		half := len(networks) / 2
		run(t, networks[:half], errs[:half])
		run(t, networks[half:], errs[half:])
		return
	}
	one := map[*suite.Net]map[string]suite.Result{} // by instruction set: what the first number of threads gave
	for _, r := range results {
		i := at[r.Net]
		errs[i] = errors.Join(errs[i], networks[i].judge(r))
		if one[r.Net] == nil {
			one[r.Net] = map[string]suite.Result{}
		}
		if before, ok := one[r.Net][r.ISA]; ok {
			errs[i] = errors.Join(errs[i], sameBits(r, before))
		} else {
			one[r.Net][r.ISA] = r
		}
	}
}

// sameBits checks that the number of threads changes nothing.
func sameBits(a, b suite.Result) error {
	for name, values := range a.Values {
		for i, x := range values {
			if y := b.Values[name][i]; math.Float32bits(x) != math.Float32bits(y) {
				return fmt.Errorf("%s on %s: element %d of %s is %v with %d threads, %v with %d", a.Net.Name, a.ISA, i, name, x, a.Threads, y, b.Threads)
			}
		}
	}
	return nil
}
