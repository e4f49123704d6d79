#!/bin/sh
# Writes tiny.mp4: 24 frames of ffmpeg's test picture, 64x48, no sound.
set -e
cd "$(dirname "$0")"
ffmpeg -y -nostdin -loglevel error -f lavfi -i testsrc=size=64x48:rate=12:duration=2 \
	-c:v mpeg4 -q:v 8 -pix_fmt yuv420p -fflags +bitexact -flags:v +bitexact -map_metadata -1 tiny.mp4
