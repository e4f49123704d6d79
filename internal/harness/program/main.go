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
	sessions map[sessionKey]*net.Session
}

// sessionKey is what sessions differ in.
type sessionKey struct{ threads, batch int }

// answer fills in the reply and returns its body.
func (s *server) answer(q *wire.Request, body []byte, r *wire.Reply) ([]byte, error) {
	switch {
	case q.Probe != nil:
		r.ISAs = probe(q.Probe.ISAs)
		return nil, nil
	case q.Open != nil:
		return nil, s.open(q.Open, r)
	case q.Pack != nil:
		return nil, pack(q.Pack)
	case q.Peak != nil:
		r.Peak = measurePeak(q.Peak)
		return nil, nil
	case q.Bandwidth != nil:
		r.Bandwidth = measureBandwidth(q.Bandwidth)
		return nil, nil
	case s.model == nil:
		return nil, errors.New("no model is open")
	case q.Run != nil:
		return s.run(q.Run, body)
	case q.Bench != nil:
		var err error
		r.Bench, err = s.bench(q.Bench, wire.Floats(body))
		return nil, err
	case q.Profile != nil:
		var err error
		r.Profile, err = s.profile(q.Profile, wire.Floats(body))
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
	s.model, s.sessions = m, map[sessionKey]*net.Session{}
	r.ISA = m.ISA()
	return nil
}

// session returns the session of a number of threads and of clips at once.
func (s *server) session(k sessionKey) *net.Session {
	if s.sessions[k] == nil {
		s.sessions[k] = s.model.NewSession(net.Threads(k.threads), net.Batch(k.batch))
	}
	return s.sessions[k]
}

// tapper is a session of a package with taps.
type tapper interface {
	Tap(name string, dst []float32) error
}

func (s *server) run(q *wire.Run, body []byte) ([]byte, error) {
	if q.Clips < 1 {
		return nil, errors.New("a run of no clips")
	}
	session := s.session(sessionKey{q.Threads, q.Clips})
	clips, outs := make([]net.Clip, q.Clips), make([]net.Output, q.Clips)
	values := make([][][]float32, q.Clips)
	size := len(body) / q.Clips
	for i := range clips {
		part := body[i*size:][:size]
		if q.Frames {
			clips[i] = net.Uint8Clip(part)
		} else {
			clips[i] = net.Float32Clip(wire.Floats(part))
		}
		var err error
		if outs[i], values[i], err = room(q.Want); err != nil {
			return nil, err
		}
	}
	if err := session.RunBatch(outs, clips); err != nil {
		return nil, err
	}
	if err := tap(session, q.Want, values[0]); err != nil {
		return nil, err
	}
	var reply []byte
	for i := range values {
		for _, v := range values[i] {
			reply = wire.AppendFloats(reply, v)
		}
	}
	return reply, nil
}

// room returns room for the wanted values, and an output that has those of
// them that a run copies out.
func room(want []wire.Value) (out net.Output, values [][]float32, err error) {
	for _, v := range want {
		dst := make([]float32, v.Len)
		values = append(values, dst)
		switch {
		case v.Tap:
		case v.Name == "logits":
			out.Logits = dst
		case v.Name == "features":
			out.Features = dst
		case v.Name == "probabilities":
			out.Probabilities = dst
		default:
			return out, nil, fmt.Errorf("a run has no output %q", v.Name)
		}
	}
	return out, values, nil
}

// tap copies the wanted taps of the last run's first clip.
func tap(session *net.Session, want []wire.Value, values [][]float32) error {
	for i, v := range want {
		if !v.Tap {
			continue
		}
		t, ok := any(session).(tapper)
		if !ok {
			return fmt.Errorf("the package has no taps, %s is one", v.Name)
		}
		if err := t.Tap(v.Name, values[i]); err != nil {
			return err
		}
	}
	return nil
}
