package random

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/p3dc/p3dc/tests/internal/draw"
)

// dice are what a fuzzer's bytes have thrown, a byte a throw, and chance behind
// them: so that every input draws a valid network, and a changed byte another one.
type dice struct {
	bytes []byte
	more  *rand.PCG
}

func (d *dice) Uint64() uint64 {
	if len(d.bytes) == 0 {
		return d.more.Uint64()
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return uint64(b) * 0x0101010101010101
}

// FuzzNetworks looks for networks on which the interpreters disagree, or for which
// no package can be written, led by what of the compiler they reach.
func FuzzNetworks(f *testing.F) {
	for seed := range uint64(16) {
		r := rand.NewPCG(seed, 4)
		var bytes []byte
		for range 16 {
			bytes = binary.LittleEndian.AppendUint64(bytes, r.Uint64())
		}
		f.Add(bytes)
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		r := rand.New(&dice{bytes, rand.NewPCG(1, 5)})
		n, err := prepare(draw.Text(r), chosen(1, r))
		if err == nil {
			_, err = n.net.Generate()
		}
		if err != nil {
			t.Fatalf("%v\n%v\n%s", err, n.how, n.text)
		}
	})
}
