package cuda

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// emulated builds a program of testdata and returns its path.
func emulated(t *testing.T, name string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name+".cpp"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name+".cpp"), append([]byte("#include \"emulator.h\"\n"), source...), 0o666); err != nil {
		t.Fatal(err)
	}
	compile(t, dir, name+".cpp", name)
	return filepath.Join(dir, name)
}

// TestFaults checks that the emulator sees what kernels do wrong, and says what
// and where.
func TestFaults(t *testing.T) {
	t.Parallel()
	program := emulated(t, "faults")
	for _, tc := range []struct{ name, want string }{
		{"right", "right"},
		{"race", "kernel test, block 0: race on byte 496 of shared memory: thread 0 reads what thread 31 writes, without a barrier between them"},
		{"not waited for", "thread 0 reads byte 496 of shared memory, which thread 31's copy has not been waited for"},
		{"waited for too few", "thread 0 reads byte 512 of shared memory, which thread 0's copy has not been waited for"},
		{"two writers", "race on byte 0 of shared memory: threads 0 and 1 write it, without a barrier between them"},
		{"overwritten too early", "race on byte 480 of shared memory: thread 30 writes what thread 1 reads, without a barrier between them"},
		{"never written", "thread 0 reads byte 0 of shared memory, which nobody wrote"},
		{"beyond shared memory", "thread 0 writes bytes 1024 to 1039 of 1024 bytes of shared memory"},
		{"shared memory out of line", "thread 0 writes 16 bytes of shared memory at 8, which is not aligned"},
		{"beyond an operand", "thread 6 reads 4 bytes at byte 1024 of the 1024 of the input"},
		{"before an operand", "thread 0 reads 16 bytes at byte -16 of the 1024 of the input"},
		{"result as input", "thread 0 reads 4 bytes at byte 160 of the 128 of the result"},
		{"beyond the result", "thread 0 writes 4 bytes at byte 128 of the 128 of the result"},
		{"input as result", "thread 0 writes 4 bytes at byte 0 of the 1024 of the input"},
		{"written twice", "thread 1 writes byte 0 of the result, which was written before"},
		{"left out", "kernel test: byte 28 of the 128 of the result is never written"},
		{"address out of line", "thread 0 touches 4 bytes at an address that is not a multiple of it"},
		{"copies at the end", "thread 0 ends with copies that nobody waited for"},
		{"barrier for some", "thread 0 waits at a barrier for threads that never come"},
		{"warp apart", "thread 16 is at load_matrices, others of its warp at shuffle_xor"},
		{"lane missing", "thread 0 waits at shuffle_xor for threads that never come"},
	} {
		out, err := exec.Command(program, tc.name).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", tc.name, err, out)
		} else if !strings.Contains(string(out), tc.want) {
			t.Errorf("%s: got  %s\nwant %s", tc.name, out, tc.want)
		}
	}
}
