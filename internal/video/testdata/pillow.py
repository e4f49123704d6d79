#!/usr/bin/env python3
"""Writes pillow.json: pictures resized and cropped by Pillow.

The sources are not stored: source() below and testPixels in resize_test.go
compute the same bytes. Run as: python3 pillow.py (needs Pillow; 13.0.0 wrote
the committed file).
"""
import json
import os

import PIL
from PIL import Image


def source(width, height):
    """A picture without symmetry: a 32-bit linear congruential generator."""
    state = width * 65536 + height
    out = bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return bytes(out)


def smooth(width, height):
    """Blurred gradients with hard edges, in which an aliasing filter shows."""
    out = bytearray()
    for y in range(height):
        for x in range(width):
            out += bytes([(x * 255) // width, (y * 255) // height, 255 * ((x // 3 + y // 2) % 2)])
    return bytes(out)


def process(pattern, width, height, short, crop_h, crop_w):
    """torchvision's Resize(short) and CenterCrop((crop_h, crop_w))."""
    make = {"noise": source, "smooth": smooth}[pattern]
    img = Image.frombytes("RGB", (width, height), make(width, height))
    if width <= height:
        size = (short, int(short * height / width))
    else:
        size = (int(short * width / height), short)
    img = img.resize(size, Image.BILINEAR)
    left = int(round((size[0] - crop_w) / 2.0))
    top = int(round((size[1] - crop_h) / 2.0))
    img = img.crop((left, top, left + crop_w, top + crop_h))
    return {
        "pattern": pattern, "width": width, "height": height, "short": short,
        "crop_height": crop_h, "crop_width": crop_w, "rgb": img.tobytes().hex(),
    }


CASES = [
    ("noise", 40, 30, 12, 8, 8),      # smaller by 2.5
    ("noise", 30, 40, 13, 9, 7),      # upright, odd remainders
    ("noise", 61, 37, 11, 10, 11),    # no whole factor
    ("noise", 7, 5, 16, 12, 16),      # larger
    ("noise", 20, 20, 20, 14, 14),    # same size
    ("noise", 128, 9, 8, 8, 21),      # wide
    ("noise", 3, 200, 4, 30, 4),      # tall
    ("noise", 1, 1, 6, 6, 6),         # one pixel
    ("noise", 320, 240, 19, 16, 16),  # smaller by 12.6
    ("smooth", 64, 48, 20, 12, 16),
    ("smooth", 47, 63, 32, 24, 24),
]

if __name__ == "__main__":
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pillow.json")
    with open(path, "w") as f:
        json.dump({"pillow": PIL.__version__, "cases": [process(*c) for c in CASES]}, f, indent=1)
        f.write("\n")
