package ptx

import (
	"strings"
	"testing"
)

// TestReadOnly has a result in the place of a part of what is read.
func TestReadOnly(t *testing.T) {
	arena := make([]byte, 96)
	g, err := newGlobal([]Range{
		{Name: "the input", Address: 1 << 20, Data: arena[16:48]},
		{Name: "the result", Address: 1 << 30, Data: arena[32:64], Writes: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.readOnly(1<<20+8, 8); err != nil {
		t.Errorf("before the result: %v", err)
	}
	const want = "reads 8 bytes at byte 16 of the 32 of the input, which is in the place of the result"
	if _, err := g.readOnly(1<<20+16, 8); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := g.read(1<<20+16, 8); err != nil {
		t.Errorf("by a load that may see stores: %v", err)
	}
}
