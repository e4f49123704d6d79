package dsl

import (
	"slices"
	"testing"
)

// A renamed network computes the same with parameters of the same shapes, and
// the network itself keeps its names.
func TestRenamed(t *testing.T) {
	n, err := Load("p3d63")
	if err != nil {
		t.Fatal(err)
	}
	renamed := Renamed(n, "torchvision")
	own, err := Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Lower(renamed)
	if err != nil {
		t.Fatal(err)
	}
	if len(own.Params) != len(other.Params) || len(own.Ops) != len(other.Ops) {
		t.Fatalf("%d parameters and %d operations, expected %d and %d", len(other.Params), len(other.Ops), len(own.Params), len(own.Ops))
	}
	for i, p := range own.Params {
		if !slices.Equal(p.Shape, other.Params[i].Shape) {
			t.Errorf("%s has the shape %v, and %s %v", p.Name, p.Shape, other.Params[i].Name, other.Params[i].Shape)
		}
	}
	if got := own.Params[0].Name; got != "conv1_custom.weight" {
		t.Errorf("the first parameter is called %s", got)
	}
	if got := other.Params[0].Name; got != "conv1.weight" {
		t.Errorf("the first parameter is called %s in torchvision", got)
	}
	if _, err := Lower(Renamed(n, "none")); err == nil {
		t.Error("an unknown scheme was accepted")
	}
}
