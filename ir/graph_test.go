package ir

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrint(t *testing.T) {
	text := verifyText[:len(verifyText)-len("tap features = %7\n")] +
		"tap conv = %1\n"
	g := parseGraph(t, text)
	g.Ops[5].Attr = Pool{Window: cube(2, 2, 2).stride(2, 2, 2), Ceil: true}
	want := `graph t: input 2x4x4x3 rgb
%1 conv 2x4x4x8 = conv 1x3x3/1x1x1/0x1x1 w=conv.weight b=conv.bias norm=bn1.weight %0 | bias relu
%2 bn 2x4x4x8 = batchnorm gamma=bn2.weight eps=1e-05 %1
%3 relu 2x4x4x8 = relu %2
%4 add 2x4x4x8 = add %3 %1
%5 flat 2x4x4x8 = conv 1x1x1/1x1x1/0x0x0 w=flat.weight %4 | add %3 relu
%6 pool 1x2x2x8 = pool max 2x2x2/2x2x2/0x0x0 ceil %5
%7 avg 1x1x1x8 = pool average 1x2x2/1x1x1/0x0x0 %6
%8 drop 1x1x1x8 = dropout 0.5 %7
%9 fc 1x1x1x5 = linear w=fc.weight b=fc.bias %8 | bias
%10 softmax 1x1x1x5 = softmax %9
output y = %10
tap conv = %1
`
	if diff := cmp.Diff(want, g.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c := g.Ops[0].Attr.(Conv)
	c.Weight = 99
	g.Ops[0].Attr = c
	if got, want := g.attrString(c), "conv 1x3x3/1x1x1/0x1x1 w=? b=conv.bias norm=bn1.weight"; got != want {
		t.Errorf("a missing parameter prints as %q, want %q", got, want)
	}
}

func TestPosString(t *testing.T) {
	for _, tc := range []struct {
		pos  Pos
		want string
	}{
		{Pos{}, ""},
		{Pos{File: "net.p3d"}, "net.p3d"},
		{Pos{"net.p3d", 4, 9}, "net.p3d:4:9"},
	} {
		if got := tc.pos.String(); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.pos, got, tc.want)
		}
	}
}

// TestCloneIsDeep changes everything that a clone could share.
func TestCloneIsDeep(t *testing.T) {
	g := parseGraph(t, verifyText)
	c := g.Clone()
	if diff := cmp.Diff(g, c); diff != "" {
		t.Fatalf("the clone differs:\n%s", diff)
	}
	c.Input.Mean[0], c.Input.Std[0] = 7, 7
	c.Ops[0].In[0], c.Ops[0].Epi[0].Kind = 7, 7
	c.Ops[0].Attr.(Conv).Norm.Epsilon = 7
	c.Values[0].Name, c.Params[0].Name, c.Params[0].Shape[0] = "x", "x", 7
	c.Outputs[0].Name, c.Taps[0].Name = "x", "x"
	if diff := cmp.Diff(parseGraph(t, verifyText), g); diff != "" {
		t.Errorf("changing the clone changed the original:\n%s", diff)
	}
}

func TestProducer(t *testing.T) {
	g := parseGraph(t, verifyText)
	if g.Producer(0) != nil {
		t.Error("the input has a producer")
	}
	if op := g.Producer(5); op == nil || op.Name != "flat" {
		t.Errorf("value 5 comes from %v, want flat", op)
	}
}

func TestNumParams(t *testing.T) {
	g := parseGraph(t, verifyText)
	if got, want := g.NumParams(), 8*3*9+8+4*8+4*8+8*8+5*8+5; got != want {
		t.Errorf("%d, want %d", got, want)
	}
}

func TestKindNames(t *testing.T) {
	got := []string{EpiBias.String(), EpiReLU.String(), EpiAdd.String(), PoolMax.String(), PoolAverage.String(),
		RGB.String(), BGR.String(), Flow.String()}
	want := []string{"bias", "relu", "add", "max", "average", "rgb", "bgr", "flow"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
