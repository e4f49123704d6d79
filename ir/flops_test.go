package ir

import (
	"math"
	"testing"
)

// TestFLOPsOfPublishedNetworks compares with the counts that frameworks report
// for 3x16x160x160, and with the parameter counts of the public checkpoints.
func TestFLOPsOfPublishedNetworks(t *testing.T) {
	for _, tc := range []struct {
		name   string
		net    p3dNet
		gflop  float64
		params int
	}{
		{"p3d63", p3d63, 16.88, 25802832},
		{"p3d199", p3d199, 36.81, 66664528},
	} {
		g := tc.net.build()
		if got := math.Round(float64(g.TotalFLOPs())/1e7) / 100; got != tc.gflop {
			t.Errorf("%s: %g GFLOP, want %g", tc.name, got, tc.gflop)
		}
		if got := g.NumParams(); got != tc.params {
			t.Errorf("%s: %d trained values, want %d", tc.name, got, tc.params)
		}
	}
}

func TestFLOPs(t *testing.T) {
	for _, tc := range []struct {
		text string
		want int64
	}{
		// 4 outputs of 3 taps, those on padding included.
		{"%1 c 1x1x4x5 = conv 1x1x3/1x1x1/0x0x1 w=w b=b %0 | bias", 2 * 4 * 3 * 2 * 5},
		// Frames before and behind that are all padding count, too.
		{"%1 c 1x1x2x1 = conv 3x1x1/1x1x2/1x0x0 w=w %0", 2 * 2 * 3 * 2},
		{"%1 p 1x1x2x2 = pool max 1x1x2/1x1x2/0x0x0 %0", 0},
		{"%1 r 1x1x4x2 = relu %0", 0},
	} {
		g := parseGraph(t, "graph t: input 1x1x4x2 flow\n"+tc.text+"\noutput y = %1\n")
		if err := g.Verify(); err != nil {
			t.Fatal(err)
		}
		if got := g.FLOPs(&g.Ops[0]); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.text, got, tc.want)
		}
	}
	g := parseGraph(t, "graph t: input 1x1x1x2 flow\n%1 fc 1x1x1x7 = linear w=w b=b %0 | bias\noutput y = %1\n")
	if got := g.FLOPs(&g.Ops[0]); got != 28 {
		t.Errorf("linear: %d, want 28", got)
	}
}
