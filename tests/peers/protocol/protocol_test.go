package protocol

import (
	"errors"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	double := func(n int) (any, error) { return map[string]int{"got": 2 * n}, nil }
	var out strings.Builder
	if err := Serve(strings.NewReader("run 3\nrun 20\n"), &out, "ready", double); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "\"ready\"\n{\"got\":6}\n{\"got\":40}\n"; got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
}

func TestFaults(t *testing.T) {
	broken := errors.New("broken")
	fail := func(int) (any, error) { return nil, broken }
	if err := Serve(strings.NewReader("run 1\n"), &strings.Builder{}, 0, fail); !errors.Is(err, broken) {
		t.Errorf("a run that fails: %v", err)
	}
	for _, line := range []string{"run", "run 0", "run -1", "stop"} {
		err := Serve(strings.NewReader(line+"\n"), &strings.Builder{}, 0, fail)
		if err == nil || !strings.Contains(err.Error(), line) || !strings.Contains(err.Error(), "run N") {
			t.Errorf("the line %q: %v", line, err)
		}
	}
}
