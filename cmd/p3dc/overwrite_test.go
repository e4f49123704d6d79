package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The file beside a model that its weights lie in is read, too, and no output
// takes its place.
func TestImportSparesExternalWeights(t *testing.T) {
	t.Chdir(t.TempDir())
	field := func(number byte, content string) string {
		return string([]byte{number<<3 | 2, byte(len(content))}) + content
	}
	tensor := "\x08\x02" + "\x10\x01" + field(8, "w") + field(13, field(1, "location")+field(2, "w.bin")) + "\x70\x01"
	model := "\x08\x08" + field(7, field(5, tensor)) + field(8, "\x10\x11")
	for name, content := range map[string]string{"model.onnx": model, "w.bin": "12345678"} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"import", "onnx", "model.onnx", "-o", "net.p3d", "--weights-out", "w.bin"}, nil, &stdout, &stderr)
	want := "p3dc: --weights-out w.bin: that file is the model's file of weights, and would be lost; "
	if code != exitUsage || !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("exit code %d, stderr %q", code, &stderr)
	}
}
