package support

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// cachedImage compiles the source for a GPU, or reads what was compiled before
// from the user's cache. Faults of the cache only cost time.
func cachedImage(c *nvrtc, name, source, arch string) (*image, error) {
	version, err := c.version()
	if err != nil {
		return nil, err
	}
	target, err := c.target(arch)
	if err != nil {
		return nil, err
	}
	made := fmt.Sprintf("code for %s by NVRTC %s", target, version)
	path := cachePath(version, target, source)
	if path != "" {
		if code, err := readCode(path); err == nil {
			return &image{code, made}, nil
		}
	}
	built, err := c.build(name, []byte(source), target)
	if err != nil {
		return nil, err
	}
	code := built.CUBIN
	if target != arch {
		code = append([]byte(built.PTX), 0)
	}
	if path != "" {
		writeCode(path, code)
	}
	return &image{code, made}, nil
}

// cachePath names the file of a source's code, or is empty where the user has
// no cache.
func cachePath(version, arch, source string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	key := sha256.Sum256([]byte(version + "\n" + arch + "\n" + source))
	return filepath.Join(dir, "p3dc", hex.EncodeToString(key[:])+".cubin")
}

// readCode reads a file of the cache: the code, and its checksum.
func readCode(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) < sha256.Size {
		return nil, os.ErrInvalid
	}
	code := data[sha256.Size:]
	if sum := sha256.Sum256(code); string(sum[:]) != string(data[:sha256.Size]) {
		return nil, os.ErrInvalid
	}
	return code, nil
}

// writeCode writes a file of the cache, which appears complete or not at all.
func writeCode(path string, code []byte) {
	if os.MkdirAll(filepath.Dir(path), 0o777) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), "*.tmp")
	if err != nil {
		return
	}
	sum := sha256.Sum256(code)
	_, err = f.Write(append(sum[:], code...))
	if f.Close() != nil || err != nil || os.Rename(f.Name(), path) != nil {
		_ = os.Remove(f.Name())
	}
}
