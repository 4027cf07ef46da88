#!/usr/bin/python3
"""A spectrogram of a WAV file of 32-bit floats as an indexed PNG, and what can be told of a sound by numbers.

usage: spectrogram.py IN.wav [OUT.png]

Time runs to the right, frequency upwards from 40 Hz to 20 kHz in octaves, with lines at 100, 1,000 and 10,000 Hz and
a mark below at every second; colours from black (-100 dB and less) to white (0 dB, a full sine). One or two
channels make one picture, their mean power; more make one below the other. Prints peak, RMS, loudness (BS.1770, gated,
for the channels as they are), the mean and the greatest step between neighbouring samples. Needs numpy only.
"""
import struct
import sys
import zlib

import numpy as np

WIDTH, HEIGHT, FRAME, LOWEST, HIGHEST, FLOOR, LEVELS = 640, 200, 2048, 40.0, 20000.0, -100.0, 48
STOPS = np.array([[0, 0, 0], [30, 12, 60], [96, 20, 110], [190, 45, 80], [240, 120, 30], [252, 210, 80], [255, 255, 255]])


def read(path):
    data = open(path, "rb").read()
    at, channels, rate = 12, 0, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if name == b"fmt ":
            channels, rate = struct.unpack("<HI", data[at + 10 : at + 16])
        if name == b"data":
            x = np.frombuffer(data[at + 8 : at + 8 + size // 4 * 4], "<f4")
            return x.reshape(-1, channels).astype(float), rate
        at += 8 + size + size % 2
    sys.exit(f"{path}: no data")


def powers(x, rate):
    """WIDTH columns of HEIGHT rows in dB, the lowest frequency first."""
    starts = np.linspace(0, max(len(x) - FRAME, 0), WIDTH).astype(int)
    window = np.hanning(FRAME)
    padded = np.pad(x, (0, FRAME))
    frames = np.stack([padded[s : s + FRAME] * window for s in starts])
    spectrum = np.abs(np.fft.rfft(frames, 4 * FRAME)) * 2 / window.sum()
    edges = LOWEST * (HIGHEST / LOWEST) ** (np.arange(HEIGHT + 1) / HEIGHT) * 4 * FRAME / rate
    rows = []
    for low, high in zip(edges, edges[1:]):
        a, b = int(low), max(int(high), int(low) + 1)
        rows.append(spectrum[:, a:b].max(axis=1))
    return np.stack(rows) ** 2


def pane(x, rate):
    power = sum(powers(x[:, c], rate) for c in range(x.shape[1])) / x.shape[1]
    level = (10 * np.log10(power + 1e-12) - FLOOR) / -FLOOR
    index = np.clip(np.rint(level * (LEVELS - 1)), 0, LEVELS - 1).astype(np.uint8)[::-1]
    for hz in (100, 1000, 10000):
        row = HEIGHT - 1 - int(np.log(hz / LOWEST) / np.log(HIGHEST / LOWEST) * HEIGHT)
        index[row, ::4] = LEVELS
    marks = np.zeros((5, WIDTH), np.uint8)
    seconds = len(x) / rate
    for s in range(int(seconds) + 1):
        marks[1:, min(int(s / seconds * WIDTH), WIDTH - 1)] = LEVELS
    return np.vstack([index, marks])


def png(index, path):
    at = np.linspace(0, len(STOPS) - 1, LEVELS)
    palette = [np.rint([np.interp(a, range(len(STOPS)), STOPS[:, c]) for c in range(3)]) for a in at] + [(150, 150, 150)]
    head = struct.pack(">IIBBBBB", index.shape[1], index.shape[0], 8, 3, 0, 0, 0)
    chunks = [
        (b"IHDR", head),
        (b"PLTE", b"".join(bytes(int(v) for v in p) for p in palette)),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in index), 9)),
        (b"IEND", b""),
    ]
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        for name, body in chunks:
            f.write(struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)))


def loudness(x, rate):
    """ITU-R BS.1770-4: K-weighting as its analogue prototypes say for this rate, blocks of 400 ms, both gates."""
    n = 1 << int(np.ceil(np.log2(len(x) + rate)))
    s = 2j * np.pi * np.fft.rfftfreq(n, 1 / rate)
    v, w = 10 ** (3.99984385 / 20), 2 * np.pi * 1681.97445
    shelf = (v * s * s + v**0.4996667 * w / 0.7071752 * s + w * w) / (s * s + w / 0.7071752 * s + w * w)
    u = 2 * np.pi * 38.1354709
    high = s * s / (s * s + u / 0.5003270 * s + u * u)
    y = np.fft.irfft(np.fft.rfft(x, n, axis=0) * (shelf * high)[:, None], n, axis=0)[: len(x)]
    hop, size = rate // 10, rate * 4 // 10
    z = np.array([np.sum(np.mean(y[a : a + size] ** 2, axis=0)) for a in range(0, len(y) - size + 1, hop)])
    loud = z[z > 10 ** ((-70 + 0.691) / 10)]
    if not len(loud):
        return -np.inf
    loud = loud[loud > 0.1 * loud.mean()]
    return -0.691 + 10 * np.log10(loud.mean())


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    x, rate = read(sys.argv[1])
    name = sys.argv[1].rsplit("/", 1)[-1]
    print(
        f"{name:26s} {x.shape[1]} ch  peak {np.abs(x).max():.3f}  rms {np.sqrt((x**2).mean()):.3f}  "
        f"{loudness(x, rate):6.1f} LUFS  mean {np.abs(x.mean(axis=0)).max():.5f}  "
        f"step {np.abs(np.diff(x, axis=0)).max():.3f}  finite {bool(np.isfinite(x).all())}"
    )
    if len(sys.argv) == 3:
        panes = [x] if x.shape[1] <= 2 else [x[:, c : c + 1] for c in range(x.shape[1])]
        png(np.vstack([pane(p, rate) for p in panes]), sys.argv[2])


main()
