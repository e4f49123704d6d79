package dsl

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	tests := []struct {
		sets []string
		want []string // lines of the formatted network
	}{
		{[]string{"mix", "A,B"}, []string{"block bottleneck expansion 4 mix A B"}},
		{[]string{"mix", " C , A "}, []string{"block bottleneck expansion 4 mix C A"}},
		{[]string{"depths", "3,8,36,3"}, []string{"blocks 3 ", "blocks 8 ", "blocks 36", "blocks 3 "}},
		{[]string{"classes", "101"}, []string{"linear 101"}},
		{[]string{"stem-pool", "caffe"}, []string{"pool max 2x3x3 stride 2x2x2 ceil as pool1"}},
		{[]string{"stem-pool", "caffe", "stem-pool", "pytorch"}, []string{"pool max 2x3x3 stride 2x2x2 pad 0x1x1 as pool1"}},
		{[]string{"input", "3x32x112x112"}, []string{"input rgb 3x32x112x112", "mean   0.485 0.456 0.406"}},
		{[]string{"input", "2x16x160x160"}, []string{"input flow 2x16x160x160", "resize 256/160", "range  0..1", "mean   0.5 0.5", "std    0.226 0.226"}},
		{[]string{"input", "2x16x160x160", "input", "3x16x160x160"}, []string{"input rgb 3x16x160x160", "mean   0.485 0.456 0.406"}},
		{[]string{"mix", "B", "depths", "1,1,1,1", "input", "2x16x64x64", "classes", "7"}, []string{"linear 7", "mix B"}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.sets, "="), func(t *testing.T) {
			n := preset(t, "p3d63", tt.sets...)
			lower(t, n)
			text := string(checkFormat(t, n))
			rest := text
			for _, want := range tt.want {
				if _, after, ok := strings.Cut(rest, want); ok {
					rest = after
				} else if strings.Contains(text, want) {
					continue
				} else {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
		})
	}
}

func TestSetKeepsBGR(t *testing.T) {
	n := parse(t, strings.Replace(small, "input rgb 3x8x16x16", "input bgr 3x8x16x16 { mean 104 117 123 }", 1))
	if err := Set(n, "input", "3x4x8x8"); err != nil {
		t.Fatal(err)
	}
	in := lower(t, n).Input
	if got := fmt.Sprint(in.Shape, in.Order, in.Mean); got != "4x8x8x3 bgr [104 117 123]" {
		t.Errorf("input is %s", got)
	}
}

func TestSetAddsSettings(t *testing.T) {
	n := parse(t, small)
	if err := Set(n, "input", "2x8x16x16"); err != nil {
		t.Fatal(err)
	}
	in := lower(t, n).Input
	if got := fmt.Sprint(in.Shape, in.Order, in.Mean, in.Std); got != "8x16x16x2 flow [0.5 0.5] [0.226 0.226]" {
		t.Errorf("input is %s", got)
	}
	checkFormat(t, n)
}

// TestSetKeepsRange changes between colour and flow where values are in 0..255.
func TestSetKeepsRange(t *testing.T) {
	n := preset(t, "p3d199-caffe", "input", "2x16x160x160")
	if got, want := lower(t, n).Input, lower(t, preset(t, "p3d199-caffe-flow")).Input; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("flow is %v, want %v", got, want)
	}
	if err := Set(n, "input", "3x16x160x160"); err != nil {
		t.Fatal(err)
	}
	if got, want := lower(t, n).Input, lower(t, preset(t, "p3d199-caffe")).Input; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("colour is %v, want %v", got, want)
	}
}

func TestSetErrors(t *testing.T) {
	const bare = "network bare {\n    input rgb 3x1x1x1\n    pool average\n}\n"
	tests := []struct{ src, key, value, want string }{
		{small, "mx", "A", `unknown key "mx"; expected mix, depths, input, classes or stem-pool (did you mean "mix"?)`},
		{small, "mix", "A,D", `unknown block "D"; expected A, B, C, full, spatial or split`},
		{small, "mix", "", `unknown block ""; expected A, B, C, full, spatial or split`},
		{small, "depths", "1,2,3", "expected 2 numbers, one for each stage, found 3"},
		{small, "depths", "1,x", `expected the number of blocks of each stage with commas between, such as 3,4,6,3, found "1,x"`},
		{small, "depths", "1,99999999999", "the number 99999999999 is too large"},
		{small, "classes", "-1", `expected the number of classes, such as 400, found "-1"`},
		{small, "classes", "1,2", "expected the number of classes, such as 400, found 2 numbers"},
		{small, "input", "16x160x160", "expected channels x frames x height x width, such as 3x16x160x160, found 3 numbers"},
		{small, "input", "4x8x8x8", "expected 2 channels (optical flow) or 3 (color), found 4"},
		{small, "input", "3x8x8x", `expected channels x frames x height x width, such as 3x16x160x160, found "3x8x8x"`},
		{small, "stem-pool", "caffe", "the network has no pool with a window before its stages"},
		{strings.Replace(small, "bottleneck expansion 2 mix A B C", "basic mix full", 1), "mix", "A",
			`unknown block "A"; expected full, spatial or split`},
		{bare, "mix", "A", "the network has no block statement whose mix could change"},
		{bare, "classes", "4", "the network has no linear layer whose classes could change"},
		{bare, "depths", "4", "the network has no stages whose depths could change"},
		{strings.Replace(bare, "pool", "block bottleneck\n    stage one width 1 blocks 1 flat\n    pool", 1), "mix", "A",
			"no stage of the network would take the kinds: each is flat or has a mix of its own"},
		{strings.Replace(bare, "pool", "block bottleneck mix A\n    stage one width 1 blocks 1 mix B\n    pool", 1), "mix", "A",
			"no stage of the network would take the kinds: each is flat or has a mix of its own"},
		{strings.Replace(bare, "pool", "pool max 1x1x1\n    pool", 1), "stem-pool", "caffe", "the network has no pool with a window before its stages"},
		{bare, "stem-pool", "caffe", "the network has no pool with a window before its stages"},
		{"network x {\n}\n", "input", "3x1x1x1", "the network has no input statement"},
	}
	for _, tt := range tests {
		err := Set(parse(t, tt.src), tt.key, tt.value)
		want := fmt.Sprintf("--set %s=%s: %s", tt.key, tt.value, tt.want)
		if err == nil || err.Error() != want {
			t.Errorf("%s=%s: %v, want %s", tt.key, tt.value, err, want)
		}
		var one *Error
		if !errors.As(err, &one) {
			t.Errorf("%s=%s: error is a %T", tt.key, tt.value, err)
		}
	}
	n := preset(t, "p3d63")
	if err := Set(n, "stem-pool", "cafe"); err == nil || !strings.HasSuffix(err.Error(), `(did you mean "caffe"?)`) {
		t.Errorf("stem-pool=cafe: %v", err)
	}
}

// TestOverriddenFaults checks that what an override broke is blamed on it.
func TestOverriddenFaults(t *testing.T) {
	tests := []struct{ key, value, want string }{
		{"depths", "3,4,0,3", "--set depths=3,4,0,3: stage res4: the number of blocks is 0; expected 1 to 1024"},
		{"classes", "0", "--set classes=0: the number of classes is 0; expected 1 to 1048576"},
		{"input", "3x5000x160x160", "--set input=3x5000x160x160: the clip's number of frames is 5000; expected 1 to 4096"},
		{"input", "3x8x160x160", "the shortest clip that fits has 16 frames"},
	}
	for _, tt := range tests {
		err := Check(preset(t, "p3d63", tt.key, tt.value))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: %v, want %s", tt.key, tt.value, err, tt.want)
		}
	}
}
