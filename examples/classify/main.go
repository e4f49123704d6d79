// Command classify reads a clip of raw RGB frames and prints its best class:
//
//	ffmpeg -i video.mp4 -vf scale=256:256:force_original_aspect_ratio=increase,crop=160:160 -frames:v 16 -f rawvideo -pix_fmt rgb24 - | classify p3d63.safetensors
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
	m, err := p3d63.Open(append(os.Args, "p3d63.safetensors")[1])
	check(err)
	frames, logits := make([]uint8, p3d63.ClipLen), make([]float32, p3d63.Classes)
	_, err = io.ReadFull(os.Stdin, frames)
	check(err)
	check(m.NewSession().Classify(logits, frames))
	fmt.Println(slices.Index(logits, slices.Max(logits)))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
