package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
)

// What no command could read once it is formatted stays as it is.
func TestFmtTooLong(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := strings.Repeat("#\n", dsl.MaxSource/4) // each of which is indented
	text := "network tiny {\n" + lines + "input rgb 3x2x8x8\nblock bottleneck mix A\nstage res2 width 4 blocks 1\npool average\n}\n"
	for _, args := range [][]string{{"fmt", "net.p3d"}, {"fmt", "-l", "net.p3d"}, {"fmt", "-d", "net.p3d"}} {
		if err := os.WriteFile("net.p3d", []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, nil, &stdout, &stderr)
		if want := "p3dc: net.p3d: formatted it would have 3"; code != exitFailed || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), want) {
			t.Errorf("%q: exit code %d, %d bytes to stdout, stderr %q", args, code, stdout.Len(), &stderr)
		}
		if now, err := os.ReadFile("net.p3d"); err != nil || string(now) != text {
			t.Errorf("%q: the file has %d bytes (%v), and had %d", args, len(now), err, len(text))
		}
	}
}
