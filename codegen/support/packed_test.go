package support

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/p3dc/p3dc/ir"
)

// counted is a model of smallNet whose weights count how often they are freed,
// and which are spoilt then.
func counted(t testing.TB) (n *testNet, m *Model, freed *atomic.Int64) {
	n, freed = smallNet(), new(atomic.Int64)
	w, err := load(&n.net, &n.plan, safetensors(n.tensors()))
	if err != nil {
		t.Fatal(err)
	}
	values := slices.Clone(w.values)
	w.release()
	return n, newModel(&n.net, &n.plan, newPackedWeights(values, func() error {
		freed.Add(1)
		for i := range values {
			values[i] = float32(math.NaN())
		}
		return nil
	})), freed
}

// TestClosedDuringRun closes a model in the middle of a run: the weights stay
// until its end, and go then.
func TestClosedDuringRun(t *testing.T) {
	n, m, freed := counted(t)
	want := logits(t, n, m)
	s, got := m.NewSession(Threads(2)), make([]float32, 10)
	g, done := newGate(2), make(chan error)
	go func() { done <- s.RunContext(g, &Output{Logits: got}, Float32Clip(n.integerClip(1))) }()
	<-g.reached
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
	if freed.Load() != 0 {
		t.Error("freed during a run")
	}
	close(g.open)
	if err := <-done; err != nil || !slices.Equal(got, want) {
		t.Errorf("the run under way: %v, logits %v, want %v", err, got, want)
	}
	if freed.Load() != 1 {
		t.Errorf("freed %d times", freed.Load())
	}
}

// TestRefusedRuns checks that runs that fail keep no weights.
func TestRefusedRuns(t *testing.T) {
	n, m, freed := counted(t)
	s := m.NewSession()
	clip := Float32Clip(n.integerClip(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.RunContext(ctx, &Output{}, clip); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.busy.Store(true)
	if err := s.Run(&Output{}, clip); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	s.busy.Store(false)
	if err := s.Run(&Output{}, Clip{}); err == nil {
		t.Error("ran without a clip")
	}
	if freed.Load() != 0 {
		t.Error("freed before Close")
	}
	if err := m.Close(); err != nil || freed.Load() != 1 {
		t.Errorf("%v, freed %d times", err, freed.Load())
	}
}

// TestDroppedModel checks that the weights of a model that nobody closes are
// freed, once.
func TestDroppedModel(t *testing.T) {
	n, m, freed := counted(t)
	logits(t, n, m)
	runtime.KeepAlive(m)
	for range 1000 {
		runtime.GC()
		if freed.Load() > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if freed.Load() != 1 {
		t.Errorf("freed %d times", freed.Load())
	}
}

// TestCloseRace opens a packed file, runs sessions and closes the model, many
// at the same time and while the file is replaced by its like. A run either
// ends well or finds the model closed.
func TestCloseRace(t *testing.T) {
	t.Setenv(isaVariable, "")
	n := smallNet()
	weights, packed := packedFile(t, n, "")
	want := logits(t, n, n.model(t))
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	var over atomic.Bool
	var packing, opening sync.WaitGroup
	packing.Go(func() {
		for !over.Load() {
			if err := packFile(&n.net, twoPlans(n), weights, packed, ""); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3 {
		opening.Go(func() {
			for range rounds {
				closeRace(t, n, packed, want)
			}
		})
	}
	opening.Wait()
	over.Store(true)
	packing.Wait()
}

func closeRace(t *testing.T, n *testNet, packed string, want []float32) {
	m, err := open(&n.net, twoPlans(n), packed)
	if err != nil {
		t.Error(err)
		return
	}
	w := m.packed.Load()
	var wg sync.WaitGroup
	var once sync.Once
	ran := make(chan struct{}) // closed when a session has run
	for i := range 3 {
		s := m.NewSession(Threads(1 + i%2))
		wg.Go(func() {
			got := make([]float32, 10)
			for {
				err := s.Run(&Output{Logits: got}, Float32Clip(n.integerClip(1)))
				once.Do(func() { close(ran) })
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%v, logits %v, want %v", err, got, want)
					return
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			<-ran
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if left := w.users.Load(); left != 0 {
		t.Errorf("%d users are left", left)
	}
}

// TestFingerprint changes everything that packed weights depend on, one thing
// at a time.
func TestFingerprint(t *testing.T) {
	n := smallNet()
	want := n.plan.fingerprint(&n.net)
	if again := smallNet(); again.plan.fingerprint(&again.net) != want {
		t.Fatal("the same network has another fingerprint")
	}
	check := func(what string, change func(*testNet)) {
		other := smallNet()
		change(other)
		if other.plan.fingerprint(&other.net) == want {
			t.Errorf("another %s: the same fingerprint", what)
		}
	}
	fields := reflect.TypeFor[pack]()
	for i := range fields.NumField() {
		check("pack."+fields.Field(i).Name, func(n *testNet) {
			switch p := &n.plan.packs[1]; fields.Field(i).Name {
			case "weight":
				p.weight++
			case "conv":
				p.conv = none
			case "gamma":
				p.gamma++
			case "beta":
				p.beta++
			case "mean":
				p.mean++
			case "vari":
				p.vari++
			case "epsilon":
				p.epsilon = math.Nextafter(p.epsilon, 1)
			case "out":
				p.out++
			case "in":
				p.in++
			case "taps":
				p.taps[1]++
			case "width":
				p.width *= 2
			case "lanes":
				p.lanes++
			case "project":
				p.project = &pack{width: p.width, taps: [3]int{1, 1, 1}}
			case "transform":
				p.transform = transformOf(ir.Transform{H: two, W: two})
			case "weights":
				p.weights++
			case "bias":
				p.bias++
			default:
				t.Fatalf("this test does not know how to change pack.%s", fields.Field(i).Name)
			}
		})
	}
	check("order of packs", func(n *testNet) { p := n.plan.packs; p[0], p[1] = p[1], p[0] })
	check("instruction set", func(n *testNet) { n.plan.isa = "other" })
	check("length", func(n *testNet) { n.plan.packed++ })
	check("name", func(n *testNet) { n.net.name += "x" })
	check("parameter's name", func(n *testNet) { n.net.params[2].name += "x" })
	check("parameter's shape", func(n *testNet) { n.net.params[2].shape[0]++ })
	check("clip", func(n *testNet) { n.net.clip.w++ })
	check("epilogue", func(n *testNet) {
		k := &n.plan.kernels[n.plan.regions[3].steps[0].kernel]
		k.epi = append(k.epi, epiReLU)
	})
	check("operand", func(n *testNet) { n.plan.regions[3].steps[0].res = 1 })
}

// TestChecksum changes each block of data that has several.
func TestChecksum(t *testing.T) {
	data := make([]byte, 3*checksumBlock+5)
	for i := range data {
		data[i] = byte(i >> 3 * 7)
	}
	want := checksum(data)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := checksum(data); got != want {
		t.Errorf("on one processor %08x, want %08x", got, want)
	}
	for _, at := range []int{0, checksumBlock - 1, checksumBlock, 2*checksumBlock + 7, len(data) - 1} {
		data[at] ^= 128
		if checksum(data) == want {
			t.Errorf("byte %d changed: the same checksum", at)
		}
		data[at] ^= 128
	}
	data[0] ^= 1 // else the first two blocks are equal
	want = checksum(data)
	swapped := slices.Concat(data[checksumBlock:2*checksumBlock], data[:checksumBlock], data[2*checksumBlock:])
	if checksum(swapped) == want {
		t.Error("two blocks swapped: the same checksum")
	}
	if checksum(nil) != checksum([]byte{}) || checksum(nil) == checksum([]byte{0}) {
		t.Error("no data and a zero have the same checksum")
	}
}

// TestFloats reads values from bytes at all alignments.
func TestFloats(t *testing.T) {
	want := []float32{0, 1, -1, float32(math.Inf(1)), math.MaxFloat32, math.SmallestNonzeroFloat32}
	var data []byte
	for _, v := range want {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	if got := floatBytes(want); !bytes.Equal(got, data) {
		t.Errorf("bytes % x, want % x", got, data)
	}
	for offset := range 5 {
		shifted := append(make([]byte, offset, 64), data...)[offset:]
		if got := floats(shifted); !slices.Equal(got, want) {
			t.Errorf("%d bytes off: %v, want %v", offset, got, want)
		}
	}
	if floats(nil) != nil || floatBytes(nil) != nil {
		t.Error("nothing is something")
	}
}

// FuzzPackedHeader reads headers of any content: what is accepted is what
// would be written for it.
func FuzzPackedHeader(f *testing.F) {
	n := convNet()
	h, err := newPackedHeader(&n.net, &n.plan, make([]byte, 96))
	if err != nil {
		f.Fatal(err)
	}
	good := append(h.encode(), make([]byte, 96)...)
	f.Add(good)
	f.Add(good[:headerLen])
	f.Add(good[:100])
	f.Add([]byte{})
	fieldsLen := binary.Size(h)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, seal := range []bool{false, true} {
			if seal && len(data) >= headerLen { // gets behind the header's checksum
				var h packedHeader
				if _, err := binary.Decode(data, binary.LittleEndian, &h); err != nil {
					t.Fatal(err)
				}
				data = append(h.encode(), data[headerLen:]...)
			}
			h, err := readPackedHeader(data)
			if err == nil && !bytes.HasPrefix(h.encode(), data[:fieldsLen]) {
				t.Error("written in another way than read")
			}
			if p, err := checkPacked(&n.net, generic(n), "", data); err == nil && (p != &n.plan || text(h.Network[:]) != n.net.name || len(data) != headerLen+96) {
				t.Error("accepted what does not fit")
			}
		}
	})
}
