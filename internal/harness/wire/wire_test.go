package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFrames(t *testing.T) {
	var stream bytes.Buffer
	requests := []Request{
		{Run: &Run{Threads: 3, Frames: true, Want: []Value{{Name: "res2", Len: 12, Tap: true}}}},
		{Peak: &Peak{ISA: "avx2", Rounds: 2, Round: time.Second}},
	}
	bodies := [][]byte{{1, 2, 3}, nil}
	for i := range requests {
		if err := Write(&stream, &requests[i], bodies[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range requests {
		var got Request
		body, err := Read(&stream, &got)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body, bodies[i]) {
			t.Errorf("body %v, want %v", body, bodies[i])
		}
		if (got.Run == nil) != (want.Run == nil) || (got.Peak == nil) != (want.Peak == nil) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if want.Run != nil && (got.Run.Threads != 3 || !got.Run.Frames || !slices.Equal(got.Run.Want, want.Run.Want)) {
			t.Errorf("got %+v, want %+v", got.Run, want.Run)
		}
		if want.Peak != nil && *got.Peak != *want.Peak {
			t.Errorf("got %+v, want %+v", got.Peak, want.Peak)
		}
	}
	if _, err := Read(&stream, new(Request)); !errors.Is(err, io.EOF) {
		t.Errorf("after the last frame: %v, want EOF", err)
	}
}

// TestReadCut cuts a frame everywhere.
func TestReadCut(t *testing.T) {
	var stream bytes.Buffer
	if err := Write(&stream, &Reply{ISA: "avx2"}, []byte("body")); err != nil {
		t.Fatal(err)
	}
	whole := stream.Bytes()
	for n := 1; n < len(whole); n++ {
		if _, err := Read(bytes.NewReader(whole[:n]), new(Reply)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestReadForeign(t *testing.T) {
	for _, text := range []string{
		"a program that prints to its standard output",
		"\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00no",
	} {
		if _, err := Read(strings.NewReader(text), new(Reply)); err == nil || !strings.Contains(err.Error(), "not a frame") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFloats(t *testing.T) {
	want := []float32{0, float32(math.Copysign(0, -1)), 1.5, -math.MaxFloat32, float32(math.Inf(1)), math.SmallestNonzeroFloat32, float32(math.NaN())}
	got := Floats(AppendFloats(nil, want))
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Errorf("%g came back as %g", want[i], got[i])
		}
	}
}
