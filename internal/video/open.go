package video

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// open decides from its content how the input at path is decoded.
func open(path string, o Options) (source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return openFolder(path, o)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is neither a file nor a folder but %s", info.Mode().Type())
	}
	head, err := readHead(path)
	if err != nil {
		return nil, err
	}
	if len(head) == 0 {
		return nil, fmt.Errorf("the file is empty")
	}
	if isGIF(head) {
		return &gifFile{path: path, o: o}, nil
	}
	if _, ok := findFormat(head); ok {
		return &pictures{paths: []string{path}, o: o}, nil
	}
	if isText(head) || isPlaylist(head) {
		return nil, fmt.Errorf("it is text: expected a video, a GIF, a picture, or a folder of pictures")
	}
	return newFFmpeg(path, o)
}

// headSize is how many bytes of a file decide what it is.
const headSize = 512

// readHead returns the first bytes of the file at path.
func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return head[:n], err
}

// isText tells text files from everything ffmpeg should see. ffmpeg would
// decode some: as playlists, which name other files to open, or as a drawing
// made of letters.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte("YUV4MPEG2 ")) {
		return false // raw video with a line of text before it
	}
	return strings.HasPrefix(http.DetectContentType(head), "text/")
}

// isPlaylist recognises playlists of which a byte makes something else than text.
func isPlaylist(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return bytes.HasPrefix(head, []byte("ffconcat")) || bytes.HasPrefix(head, []byte("#EXTM3U"))
}
