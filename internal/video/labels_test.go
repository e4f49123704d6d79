package video

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestReadLabels(t *testing.T) {
	tests := []struct{ name, text string }{
		{"plain", "abseiling\nair drumming\nzumba\n"},
		{"no last newline", "abseiling\nair drumming\nzumba"},
		{"written on Windows", "\xef\xbb\xbfabseiling\r\nair drumming\r\nzumba\r\n"},
		{"empty lines at the end", "abseiling\nair drumming\nzumba\n\n \n"},
		{"space around", "  abseiling\nair drumming \n\tzumba\n"},
	}
	want := []string{"abseiling", "air drumming", "zumba"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadLabels(writeFile(t, t.TempDir(), "labels.txt", []byte(tt.text)))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestReadLabelsErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct{ path, want string }{
		{dir + "/nosuchfile", "nosuchfile"},
		{dir, "labels:"},
		{writeFile(t, dir, "empty", nil), "is empty"},
		{writeFile(t, dir, "blank", []byte("\n\n")), "is empty"},
		{writeFile(t, dir, "gap", []byte("a\n\n\nb\n")), "line 2 is empty"},
		{writeFile(t, dir, "binary", []byte("a\nb\x00\n")), "line 2 is not UTF-8"},
		{writeFile(t, dir, "latin1", []byte("caf\xe9\n")), "line 1 is not UTF-8"},
		{writeFile(t, dir, "large", make([]byte, maxLabels+1)), "larger than 16 MiB"},
	}
	for _, tt := range tests {
		_, err := ReadLabels(tt.path)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.path, err, tt.want)
		}
	}
}

func TestKineticsLabels(t *testing.T) {
	const path = "../../../shared/videos/kinetics400-labels.txt"
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no Kinetics labels: %v", err)
	}
	labels, err := ReadLabels(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(labels) != 400 || labels[0] != "abseiling" || labels[399] != "zumba" {
		t.Errorf("got %d labels from %q to %q", len(labels), labels[0], labels[len(labels)-1])
	}
}
