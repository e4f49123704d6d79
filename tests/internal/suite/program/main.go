//go:build suite

// The program around the generated packages. It runs the jobs of the file
// that is its first argument and writes all results to the second; with the
// argument "isas" it prints the instruction sets that it can run.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
)

// network is a generated package. open returns what runs a clip on a number
// of threads. guard, of networks that are run with guarded operands, too, makes
// all later runs on an instruction set do so: see package guard.
type network struct {
	name  string
	open  func(weights string) (runFunc, error)
	guard func(isa string)
}

type runFunc func(threads int, clip []float32, want []value, results [][]float32) error

// smallClip is the length below which a clip is small.
const smallClip = 1 << 16

// poison returns a clip of NaNs.
func poison(n int) []float32 {
	clip := make([]float32, n)
	for i := range clip {
		clip[i] = float32(math.NaN())
	}
	return clip
}

// sameBits compares what a clip gave in a batch with what it gave alone.
func sameBits(logits, wantLogits, features, wantFeatures []float32) error {
	if !bytes.Equal(encode(logits), encode(wantLogits)) || !bytes.Equal(encode(features), encode(wantFeatures)) {
		return errors.New("a clip gives something else in a batch than alone")
	}
	return nil
}

const isaVariable = "P3DC_ISA"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "isas" {
		isas()
		return
	}
	if err := work(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// isas prints the instruction sets whose absence Open does not complain of
// before it looks for the weights.
func isas() {
	for _, isa := range []string{"avx512", "avx2", "generic"} {
		os.Setenv(isaVariable, isa)
		if _, err := networks[0].open("no-such-file"); errors.Is(err, fs.ErrNotExist) {
			fmt.Println(isa)
		}
	}
}

func work(jobFile, resultFile string) (err error) {
	text, err := os.ReadFile(jobFile)
	if err != nil {
		return err
	}
	var jobs []job
	if err := json.Unmarshal(text, &jobs); err != nil {
		return err
	}
	f, err := os.Create(resultFile)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	defer func() { err = errors.Join(err, w.Flush(), f.Close()) }()
	for _, j := range jobs {
		fmt.Fprintln(os.Stderr, j.Net, j.ISA) // the last line tells where it broke
		if err := run(&j, w); err != nil {
			return fmt.Errorf("%s on %s: %w", j.Net, j.ISA, err)
		}
	}
	return nil
}

func run(j *job, w *bufio.Writer) error {
	os.Setenv(isaVariable, j.ISA)
	clip, err := os.ReadFile(j.Clip)
	if err != nil {
		return err
	}
	for _, n := range networks {
		if n.name != j.Net {
			continue
		}
		session, err := n.open(j.Weights)
		if err != nil {
			return err
		}
		runs := make([][][]float32, len(j.Threads))
		for i, threads := range j.Threads {
			runs[i] = make([][]float32, len(j.Want))
			for v, want := range j.Want {
				runs[i][v] = make([]float32, want.Len)
			}
			if err := session(threads, decode(clip), j.Want, runs[i]); err != nil {
				return err
			}
			for _, values := range runs[i] {
				if _, err := w.Write(encode(values)); err != nil {
					return err
				}
			}
		}
		if n.guard == nil {
			return nil
		}
		n.guard(j.ISA)
		return runGuarded(j, session, decode(clip), runs[0])
	}
	return errors.New("no such network")
}

// runGuarded runs a network whose kernels are guarded by now: it must compute the
// same, to the bit.
func runGuarded(j *job, session runFunc, clip []float32, want [][]float32) error {
	results := make([][]float32, len(want))
	for i := range want {
		results[i] = make([]float32, len(want[i]))
	}
	if err := session(2, clip, j.Want, results); err != nil {
		return err
	}
	for i, v := range j.Want {
		if !bytes.Equal(encode(results[i]), encode(want[i])) {
			return fmt.Errorf("%s is another one with guarded operands: a kernel reads or writes what it must not", v.Name)
		}
	}
	return nil
}
