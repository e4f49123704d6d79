package video

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCompareNatural(t *testing.T) {
	// Equal values fall back to bytes: "01" before "1".
	want := []string{
		"", "01", "1", "2", "10", "18446744073709551615", "18446744073709551616",
		"a", "a1", "a1b2", "a1b10", "a002", "a02", "a2", "a10", "a10.png", "ab", "b",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareNatural)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCompareNaturalIsAnOrder checks what a sort relies on.
func TestCompareNaturalIsAnOrder(t *testing.T) {
	name := rapid.StringMatching(`[ab01.é]{0,5}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := name.Draw(t, "a"), name.Draw(t, "b"), name.Draw(t, "c")
		if (compareNatural(a, b) == 0) != (a == b) {
			t.Fatalf("compare(%q, %q) = %d", a, b, compareNatural(a, b))
		}
		if compareNatural(a, b) != -compareNatural(b, a) {
			t.Fatalf("%q and %q: not antisymmetric", a, b)
		}
		if compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0 && compareNatural(a, c) > 0 {
			t.Fatalf("%q, %q, %q: not transitive", a, b, c)
		}
	})
}
