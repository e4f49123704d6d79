#!/usr/bin/env python3
"""Writes tiny.webp, which Go has no encoder for: 8x6 pixels, lossless.

Pixel (x, y) is (30x, 40y, 200). Run as: python3 pictures.py (needs Pillow).
"""
import os

from PIL import Image

if __name__ == "__main__":
    img = Image.new("RGB", (8, 6))
    img.putdata([(30 * x, 40 * y, 200) for y in range(6) for x in range(8)])
    here = os.path.dirname(os.path.abspath(__file__))
    img.save(os.path.join(here, "tiny.webp"), lossless=True)
