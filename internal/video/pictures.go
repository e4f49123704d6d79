package video

import (
	"bufio"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// pictureFormat is a still format that is decoded in Go.
type pictureFormat struct {
	magic  string // the file's first bytes; '?' stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// pictureFormats lists what a folder may hold besides GIFs.
func pictureFormats() []pictureFormat {
	return []pictureFormat{
		{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
		{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
		{"RIFF????WEBPVP8", webp.DecodeConfig, webp.Decode},
		{"BM????\x00\x00\x00\x00", bmp.DecodeConfig, bmp.Decode},
		{"II\x2a\x00", tiff.DecodeConfig, tiff.Decode},
		{"MM\x00\x2a", tiff.DecodeConfig, tiff.Decode},
	}
}

// findFormat returns the format of a picture that begins with head.
func findFormat(head []byte) (pictureFormat, bool) {
	for _, f := range pictureFormats() {
		if len(head) < len(f.magic) {
			continue
		}
		match := true
		for i := range len(f.magic) {
			match = match && (f.magic[i] == '?' || f.magic[i] == head[i])
		}
		if match {
			return f, true
		}
	}
	return pictureFormat{}, false
}

// pictures is a source whose frames are picture files. Of a GIF, the first
// frame counts.
type pictures struct {
	paths []string
	o     Options
}

// openFolder lists the pictures in dir in natural order: frame2 before
// frame10. Hidden files and subfolders are passed over.
func openFolder(dir string, o Options) (source, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names, others []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path) // follows links
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		head, err := readHead(path)
		if err != nil {
			return nil, err
		}
		if _, ok := findFormat(head); ok || isGIF(head) {
			names = append(names, e.Name())
		} else {
			others = append(others, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no picture in the folder: expected JPEG, PNG, GIF, WebP, BMP or TIFF files, found %d others", len(others))
	}
	if len(others) > 0 {
		o.Warn(fmt.Sprintf("%d files in the folder are not pictures, such as %q", len(others), others[0]))
	}
	slices.SortFunc(names, compareNatural)
	p := &pictures{o: o}
	for _, name := range names {
		p.paths = append(p.paths, filepath.Join(dir, name))
	}
	return p, nil
}

// total implements source.
func (p *pictures) total() int { return len(p.paths) }

// frames implements source. Damaged pictures are left out, which the error at
// the end says.
func (p *pictures) frames(ctx context.Context) iter.Seq2[*frame, error] {
	return func(yield func(*frame, error) bool) {
		var f frame
		var first error // of the pictures left out
		bad := 0
		for _, path := range p.paths {
			if ctx.Err() != nil {
				break
			}
			if err := p.read(ctx, path, &f); err != nil {
				if bad++; first == nil {
					first = fmt.Errorf("%q: %w", filepath.Base(path), err)
				}
				continue
			}
			if !yield(&f, nil) {
				return
			}
		}
		if bad > 0 {
			yield(nil, fmt.Errorf("%d of %d pictures cannot be decoded, the first being %w", bad, len(p.paths), first))
		}
	}
}

// read decodes one picture into f.
func (p *pictures) read(ctx context.Context, path string, f *frame) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReader(file)
	head, err := r.Peek(headSize)
	if err != nil && err != io.EOF {
		return err
	}
	if isGIF(head) {
		for first, err := range decodeGIF(ctx, r, p.o.MaxPixels, maxGIFPixels) {
			if err == nil {
				*f = *first
			}
			return err
		}
		return fmt.Errorf("no frame in it")
	}
	format, ok := findFormat(head)
	if !ok {
		return fmt.Errorf("it is no picture")
	}
	config, err := format.config(r)
	if err != nil {
		return err
	}
	if err := checkSize(config.Width, config.Height, p.o.MaxPixels); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r.Reset(file)
	img, err := format.decode(r)
	if err != nil {
		return err
	}
	f.setImage(img)
	return nil
}
