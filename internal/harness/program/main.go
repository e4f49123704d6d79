//go:build harness

// The program that the harness builds around a generated package. It reads
// requests from its standard input and answers on its standard output until
// the input ends: see package wire.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"

	"p3dcharness/net"
	"p3dcharness/wire"
)

func main() {
	signal.Ignore(os.Interrupt) // the harness decides when to stop
	replies := os.Stdout
	os.Stdout = os.Stderr // whatever else is printed must not mix with replies
	if err := serve(bufio.NewReaderSize(os.Stdin, 1<<20), replies); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers requests until the input ends.
func serve(in io.Reader, out io.Writer) error {
	var s server
	for {
		var q wire.Request
		body, err := wire.Read(in, &q)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		var r wire.Reply
		body, err = s.answer(&q, body, &r)
		if err != nil {
			r, body = wire.Reply{Error: err.Error()}, nil
		}
		if err := wire.Write(out, &r, body); err != nil {
			return fmt.Errorf("writing a reply: %w", err)
		}
	}
}

// server keeps the model and its sessions between requests.
type server struct {
	model    *net.Model
	sessions map[int]*net.Session // by number of threads
}

// answer fills in the reply and returns its body.
func (s *server) answer(q *wire.Request, body []byte, r *wire.Reply) ([]byte, error) {
	switch {
	case q.Probe != nil:
		r.ISAs = probe(q.Probe.ISAs)
		return nil, nil
	case q.Open != nil:
		return nil, s.open(q.Open, r)
	case q.Pack != nil:
		return nil, net.Pack(q.Pack.Weights, q.Pack.Packed, q.Pack.ISA)
	case q.Peak != nil:
		r.Peak = measurePeak(q.Peak)
		return nil, nil
	case s.model == nil:
		return nil, errors.New("no model is open")
	case q.Run != nil:
		return s.run(q.Run, body)
	case q.Bench != nil:
		var err error
		r.Bench, err = s.bench(q.Bench, wire.Floats(body))
		return nil, err
	}
	return nil, errors.New("an empty request")
}

// isaVariable is the environment variable that forces an instruction set.
const isaVariable = "P3DC_ISA"

// probe returns those of the instruction sets that Open accepts. It looks for
// the weights file only when it has chosen one, so a file that is not there
// tells the two errors apart.
func probe(isas []string) []string {
	before, set := os.LookupEnv(isaVariable)
	defer func() {
		if set {
			os.Setenv(isaVariable, before)
		} else {
			os.Unsetenv(isaVariable)
		}
	}()
	var found []string
	for _, isa := range isas {
		os.Setenv(isaVariable, isa)
		if _, err := net.Open("no-such-file.safetensors"); errors.Is(err, fs.ErrNotExist) {
			found = append(found, isa)
		}
	}
	return found
}

func (s *server) open(q *wire.Open, r *wire.Reply) error {
	m, err := net.Open(q.Weights)
	if err != nil {
		return err
	}
	s.model, s.sessions = m, map[int]*net.Session{}
	r.ISA = m.ISA()
	return nil
}

// session returns the session of a number of threads.
func (s *server) session(threads int) *net.Session {
	if s.sessions[threads] == nil {
		s.sessions[threads] = s.model.NewSession(net.Threads(threads))
	}
	return s.sessions[threads]
}

// tapper is a session of a package with taps.
type tapper interface {
	Tap(name string, dst []float32) error
}

func (s *server) run(q *wire.Run, body []byte) ([]byte, error) {
	session := s.session(q.Threads)
	var clip net.Clip
	if q.Frames {
		clip = net.Uint8Clip(body)
	} else {
		clip = net.Float32Clip(wire.Floats(body))
	}
	values := make([][]float32, len(q.Want))
	var out net.Output
	for i, v := range q.Want {
		values[i] = make([]float32, v.Len)
		if v.Tap {
			continue
		}
		switch v.Name {
		case "logits":
			out.Logits = values[i]
		case "features":
			out.Features = values[i]
		case "probabilities":
			out.Probabilities = values[i]
		default:
			return nil, fmt.Errorf("a run has no output %q", v.Name)
		}
	}
	if err := session.Run(&out, clip); err != nil {
		return nil, err
	}
	var reply []byte
	for i, v := range q.Want {
		if v.Tap {
			t, ok := any(session).(tapper)
			if !ok {
				return nil, fmt.Errorf("the package has no taps, %s is one", v.Name)
			}
			if err := t.Tap(v.Name, values[i]); err != nil {
				return nil, err
			}
		}
		reply = wire.AppendFloats(reply, values[i])
	}
	return reply, nil
}
