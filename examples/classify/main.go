// Command classify reads a clip of raw RGB frames and prints its best class:
//
//	ffmpeg -i video.mp4 -vf scale=-1:256,crop=160:160 -frames:v 16 -f rawvideo -pix_fmt rgb24 - | classify p3d63.safetensors
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"slices"

	"github.com/p3dc/p3dc/generated/p3d63"
)

func main() {
	m, err := p3d63.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	frames, logits := make([]uint8, p3d63.ClipLen), make([]float32, p3d63.Classes)
	if _, err := io.ReadFull(os.Stdin, frames); err != nil {
		log.Fatal(err)
	}
	if err := m.NewSession().Classify(logits, frames); err != nil {
		log.Fatal(err)
	}
	fmt.Println(slices.Index(logits, slices.Max(logits)))
}
