package verify

import (
	"flag"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var referenceFiles = flag.String("reference", "", "verify the presets with these files of reference values (a pattern), which takes minutes")

// TestReferenceFiles verifies the network that each file of reference values
// describes, on all instruction sets.
func TestReferenceFiles(t *testing.T) {
	if *referenceFiles == "" {
		t.Skip("no -reference given")
	}
	files, err := filepath.Glob(*referenceFiles)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", *referenceFiles, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			r, err := ReadReferenceFile(file)
			if err != nil {
				t.Fatal(err)
			}
			net, err := r.Net()
			if err != nil {
				t.Fatal(err)
			}
			report, err := Run(t.Context(), net, Options{Reference: r})
			if err != nil {
				t.Fatal(err)
			}
			logReport(t, report)
			if !report.Passed() {
				t.Error("not passed")
			}
		})
	}
}

// logReport prints the table of a report.
func logReport(t *testing.T, r *Report) {
	t.Helper()
	for _, res := range r.Results {
		for _, c := range res.Comparisons {
			moments := ""
			if c.Mean != nil {
				moments = "  mean " + strconv.FormatFloat(float64(*c.Mean), 'e', 1, 64) + "  rms " + strconv.FormatFloat(float64(*c.RMS), 'e', 1, 64)
			}
			t.Logf("%-8s %-14s %.2e%s (at most %.0e) passed: %t", res.ISA, c.Value, float64(c.RelL2), moments, c.Tolerance, c.Passed)
		}
		for _, i := range res.Identities {
			t.Logf("%-8s %s: %d of %d differ", res.ISA, i.What, i.Different, i.Count)
		}
	}
}
