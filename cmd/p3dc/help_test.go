package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// commands are all commands of the tool.
var commands = []string{"compile", "fmt", "explain", "verify", "bench", "classify", "weights", "weights inspect", "weights convert", "weights inflate", "weights pack", "export", "export onnx", "import", "import onnx"}

// groups are those that only hold others.
var groups = map[string]bool{"weights": true, "export": true, "import": true}

func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	for _, command := range append([]string{""}, commands...) {
		name := "help-" + strings.ReplaceAll(command, " ", "-") + ".txt"
		if command == "" {
			name = "help.txt"
		}
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := append(strings.Fields(command), "--help")
			if code := run(t.Context(), args, nil, &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
				t.Fatalf("exit code %d, stderr %q", code, &stderr)
			}
			golden(t, filepath.Join("testdata", "help", name), stdout.Bytes())
		})
	}
}

// TestHelpHasExamples wants an example in the help of every command that does
// something.
func TestHelpHasExamples(t *testing.T) {
	for _, command := range commands {
		if groups[command] {
			continue
		}
		var stdout, stderr bytes.Buffer
		run(t.Context(), append(strings.Fields(command), "--help"), nil, &stdout, &stderr)
		if !strings.Contains(stdout.String(), "    p3dc "+command+" ") {
			t.Errorf("the help of %s has no example", command)
		}
	}
}

// golden compares got with a file, or writes it under -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
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
		t.Errorf("%s (-want +got); run with -update if the change is meant:\n%s", file, d)
	}
}
