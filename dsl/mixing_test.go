package dsl

import (
	"strings"
	"testing"
)

// TestMid wants channels between S and T to be given for the stages that have a
// split block, wherever the network's cycle stands, and for no others.
func TestMid(t *testing.T) {
	tests := []struct {
		name, mix, stages string
		lacks             string // the stage that has split blocks and no mid
	}{
		{"behind the split block", "full split", "one width 6 blocks 2 mid 5;two width 8 blocks 1", ""},
		{"before the split block", "full split", "one width 6 blocks 1;two width 8 blocks 1 mid 5", ""},
		{"on the wrong stage", "full split", "one width 6 blocks 1 mid 5;two width 8 blocks 1", "two"},
		{"around again", "full split full", "one width 6 blocks 3 mid 5;two width 6 blocks 1;three width 6 blocks 1", "three"},
		{"within stages", "full split within stage", "one width 6 blocks 1;two width 8 blocks 1", ""},
		{"within longer stages", "full split within stage", "one width 6 blocks 1;two width 8 blocks 2", "two"},
		{"flat between", "full split", "one width 6 blocks 1;two width 6 blocks 3 flat;three width 6 blocks 1", "three"},
		{"own mix between", "full split", "one width 6 blocks 1;two width 6 blocks 2 mix full split;three width 6 blocks 1 mid 5", "two"},
		{"own mix, short", "full", "one width 6 blocks 1 mix full split", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := parse(t, "network x {\ninput rgb 3x4x8x8\nblock basic mix "+tt.mix+"\nstage "+strings.ReplaceAll(tt.stages, ";", "\nstage ")+"\npool average\nnames torchvision-video\n}")
			err := Check(n)
			if tt.lacks == "" {
				if err != nil {
					t.Fatal(err)
				}
				lower(t, n)
				return
			}
			if want := "stage " + tt.lacks + ": nothing says how many channels lie between S and T"; err == nil || strings.Count(err.Error(), "nothing says") != 1 || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}
