package suite

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Cache is a Go build cache that does not grow. A package of a network takes
// about ten megabytes of the usual one, which keeps it for days.
type Cache struct {
	Dir  string // for the environment variable GOCACHE
	keep map[string]bool
}

// NewCache makes an empty cache, which the test removes.
func NewCache(t testing.TB) *Cache {
	t.Helper()
	return &Cache{Dir: t.TempDir()}
}

// Prune removes what came after the first call.
func (c *Cache) Prune() error {
	first := c.keep == nil
	if first {
		c.keep = map[string]bool{}
	}
	return filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case first:
			c.keep[path] = true
			return nil
		case c.keep[path]:
			return nil
		}
		return os.Remove(path)
	})
}
