package video

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// readPPM reads one binary PPM picture ("P6", width, height, 255, then RGB
// bytes) into f. It returns io.EOF when r is at its end.
//
// ffmpeg is asked for PPM pictures rather than bare pixels because each says
// its own size: nothing has to be asked of ffprobe first.
func readPPM(r *bufio.Reader, f *frame, maxPixels int) error {
	magic := make([]byte, 2)
	switch n, err := io.ReadFull(r, magic); {
	case err == io.EOF:
		return io.EOF
	case err != nil:
		return truncated(err)
	case string(magic[:n]) != "P6":
		return fmt.Errorf("unexpected data from ffmpeg: %q where a PPM picture should start with \"P6\"", magic)
	}
	var header [3]int // width, height, largest value
	for i := range header {
		var err error
		if header[i], err = readPPMNumber(r); err != nil {
			return truncated(err)
		}
	}
	if header[2] != 255 {
		return fmt.Errorf("unexpected data from ffmpeg: a PPM picture with values up to %d, expected 255", header[2])
	}
	if err := checkSize(header[0], header[1], maxPixels); err != nil {
		return err
	}
	f.resize(header[0], header[1])
	_, err := io.ReadFull(r, f.pix)
	return truncated(err)
}

// errTruncated says that a picture began and did not end.
var errTruncated = errors.New("the stream of frames ends in the middle of one")

// truncated replaces errors that mean the end of the stream.
func truncated(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errTruncated
	}
	return err
}

// readPPMNumber reads white space, a number, and the one white space after it.
func readPPMNumber(r *bufio.Reader) (int, error) {
	n, digits := 0, 0
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		space := c == ' ' || c == '\n' || c == '\t' || c == '\r'
		switch {
		case space && digits > 0:
			return n, nil
		case space:
		case isDigit(c) && digits < 9:
			n, digits = n*10+int(c-'0'), digits+1
		default:
			return 0, fmt.Errorf("unexpected data from ffmpeg: %q in the header of a PPM picture", c)
		}
	}
}
