package roofline

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// example is a chart of made-up measurements.
func example() *Chart {
	return &Chart{
		Title:      "net on avx512, 4 threads: <a title> & more",
		Notes:      []string{"The first note.", "The second one."},
		Peak:       Ceiling{"avx512 multiply-adds", 460},
		Bandwidths: []Ceiling{{"memory", 32}, {"second-level cache", 480}},
		Dots: []Dot{
			{"stem", "stem", 52, 300, 0.12},
			{"a.conv2", "spatial", 25, 350, 0.05},
			{"a.conv3..b.conv1", "temporal + pointwise", 30, 250, 0.3},
			{"b.conv2", "spatial", 25, 340, 0.05},
			{`b.conv3..c<&">.conv1`, "temporal + pointwise", 60, 260, 0.4},
			{"fc", "linear", 0.5, 14, 0.004},
		},
	}
}

func TestGolden(t *testing.T) {
	got := example().SVG()
	file := filepath.Join("testdata", "chart.svg")
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got); run with -update and look at it if the change is meant:\n%s", file, d)
	}
}

// texts returns what is written in a drawing, in order, and wants it to be XML.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var all []string
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := token.(xml.CharData); ok && strings.TrimSpace(string(s)) != "" {
			all = append(all, string(s))
		}
	}
}

func TestTexts(t *testing.T) {
	all := texts(t, example().SVG())
	for _, want := range []string{
		"net on avx512, 4 threads: <a title> & more",
		"The second one.",
		"avx512 multiply-adds: 460 GFLOP/s",
		"memory: 32.0 GB/s",
		"second-level cache: 480 GB/s",
		"temporal + pointwise: 70 % of the time",
		"linear: less than 1 % of the time",
		// 460 GFLOP/s are attainable there.
		`b.conv3..c<&">.conv1: 60 FLOP/byte, 260 GFLOP/s, 57 % of what is attainable, 40 % of the time`,
		// 0.5 x 32 GFLOP/s are.
		"fc: 0.5 FLOP/byte, 14 GFLOP/s, 88 % of what is attainable, less than 1 % of the time",
	} {
		if !slices.Contains(all, want) {
			t.Errorf("no text %q in %q", want, all)
		}
	}
}

func TestAttainable(t *testing.T) {
	c := example()
	for _, tc := range []struct{ intensity, want float64 }{{1, 32}, {14.375, 460}, {100, 460}} {
		if got := c.Attainable(tc.intensity); got != tc.want {
			t.Errorf("%g GFLOP/s at %g, want %g", got, tc.intensity, tc.want)
		}
	}
}

// TestEverythingIsInside wants the plot to hold dots that lie far from all
// ceilings, and the ends of the slopes.
func TestEverythingIsInside(t *testing.T) {
	for _, d := range []Dot{{Intensity: 1e-3, GFLOPS: 1e-2}, {Intensity: 1e4, GFLOPS: 455}, {Intensity: 10, GFLOPS: 700}} {
		c := example()
		c.Dots = append(c.Dots, d)
		l := newLayout(c)
		in := func(what string, intensity, gflops float64) {
			if x, y := l.x.at(intensity), l.y.at(gflops); !(x > left && x < right && y > l.top && y < l.bottom) {
				t.Errorf("%s is drawn at %g, %g; the plot has %d to %d, %g to %g", what, x, y, left, right, l.top, l.bottom)
			}
		}
		for _, d := range c.Dots {
			in(fmt.Sprintf("%+v", d), d.Intensity, d.GFLOPS)
		}
		for _, b := range c.Bandwidths {
			in(b.Name, c.Peak.Rate/b.Rate, c.Peak.Rate)
		}
	}
}

// TestLabelsAvoidDots puts dots along the lower half of a slope.
func TestLabelsAvoidDots(t *testing.T) {
	c := example()
	c.Dots = nil
	for i := range 10 {
		x := 1 + 0.4*float64(i)
		c.Dots = append(c.Dots, Dot{Intensity: x, GFLOPS: 32 * x, Share: 0.01})
	}
	l := newLayout(c)
	from, to := point{l.x.at(1), l.y.at(32)}, point{l.x.at(14.375), l.y.at(460)}
	at := l.clearest(from, to, "memory")
	last := point{l.x.at(4.6), l.y.at(4.6 * 32)}
	if half := letter*3 + labelRoom; at.distance(to) < half-1e-9 || at.x-last.x < half/2 {
		t.Errorf("the label is at %v, between %v and %v; the last dot at %v", at, from, to, last)
	}
	long := strings.Repeat("memory", 100)
	if at, middle := l.clearest(from, to, long), from.to(to, 0.5); at.distance(middle) > 1e-9 {
		t.Errorf("a label that is too long is at %v, want the middle, %v", at, middle)
	}
}

func TestGroups(t *testing.T) {
	c := &Chart{}
	for i := range 2 * len(colours) {
		c.Dots = append(c.Dots, Dot{Group: fmt.Sprint(i % (len(colours) + 1)), Share: 0.01})
	}
	groups := c.groups()
	if len(groups) != len(colours)+1 || groups[0].colour != groups[len(colours)].colour || groups[0].colour == groups[1].colour {
		t.Errorf("groups %+v", groups)
	}
	if groups[0].share != 0.02 || groups[len(colours)].share != 0.01 {
		t.Errorf("groups %+v", groups)
	}
}

// TestLegendRows wants one column where a name would reach into the second.
func TestLegendRows(t *testing.T) {
	groups := []group{{name: "stem"}, {name: "spatial"}, {name: "spatial + temporal"}}
	if n := legendRows(groups); n != 2 {
		t.Errorf("%d rows of short names, want 2", n)
	}
	groups[1].name = "spatial + temporal + pointwise + linear"
	if n := legendRows(groups); n != 3 {
		t.Errorf("%d rows with a long name, want 3", n)
	}
}

func TestPercent(t *testing.T) {
	for _, tc := range []struct {
		part float64
		want string
	}{{0, "0 %"}, {0.004, "less than 1 %"}, {0.01, "1 %"}, {0.126, "13 %"}, {1.5, "150 %"}} {
		if got := Percent(tc.part); got != tc.want {
			t.Errorf("%g is %q, want %q", tc.part, got, tc.want)
		}
	}
}
