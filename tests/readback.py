#!/usr/bin/env python3
"""Every image format, asked of a running server and read by programs that are not ours.

    readback.py path/to/sinter

Readers: numpy (npy), pypng and pngcheck (png), Pillow (png, apng), OpenEXR's C++ library through its C entry points and
exrheader (exr), tarfile and GNU tar (tar). Samples of exr are also read here from the file's layout as
openexr.com/en/latest/OpenEXRFileLayout.html describes it. The values wanted are computed by numpy in doubles.
"""
import ctypes
import http.client
import io
import json
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

import numpy as np
import png
from PIL import Image

SINTER = sys.argv.pop(1)
WIDTH, HEIGHT = 64, 32  # powers of two: coordinates are exact
OUTPUTS = ["x*3-1", "y", "x*y", "0.25+0.5*x"]
ROOT = pathlib.Path(__file__).resolve().parent.parent


def want(channels, width=WIDTH, height=HEIGHT):
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return np.stack([x * 3 - 1, y, x * y, 0.25 + 0.5 * x][:channels], axis=-1)


def codes(values, bits, threshold=0.5):
    most = 2**bits - 1
    clean = np.clip(np.where(np.isnan(values), 0, values), 0, 1)
    return np.floor(clean * most + threshold).astype(int)


class Server:
    def __init__(self):
        self.process = subprocess.Popen([SINTER, "serve", "--listen", "127.0.0.1:0", "--store", "none"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def ask(self, **request):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/render", json.dumps(request), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body


def graph(outputs):
    return {"output": outputs if len(outputs) > 1 else outputs[0]}


def render(channels=1, outputs=None, **request):
    """A body and its headers; whatever is asked is answered the same twice."""
    request = {"graph": graph(outputs or OUTPUTS[:channels]), "width": WIDTH, "height": HEIGHT, **request}
    answer, body = server.ask(**request)
    if answer.status != 200:
        raise AssertionError(f"{request}: {answer.status} {body.decode()}")
    if server.ask(**request)[1] != body:
        raise AssertionError(f"{request}: not the same bytes twice")
    return body, answer.headers


def run(*command, data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        done = subprocess.run([*command, file.name], capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout


def png_values(data):
    """Samples, bits."""
    width, height, rows, info = png.Reader(bytes=data).read()
    rows = np.vstack([np.asarray(row, int) for row in rows])
    return rows.reshape(height, width, info["planes"]), info["bitdepth"]


def exr_values(data):
    """Scanlines without compression, as the file's layout is described: name of channel to (samples, type)."""
    assert data[:8] == struct.pack("<II", 20000630, 2)
    at, attributes = 8, {}
    while data[at]:
        name, at = data[at:data.index(0, at)], data.index(0, at) + 1
        at = data.index(0, at) + 1
        size, = struct.unpack_from("<i", data, at)
        attributes[name] = data[at + 4:at + 4 + size]
        at += 4 + size
    at += 1
    assert attributes[b"compression"] == b"\0" and attributes[b"lineOrder"] == b"\0"
    x0, y0, x1, y1 = struct.unpack("<4i", attributes[b"dataWindow"])
    width, height = x1 - x0 + 1, y1 - y0 + 1
    channels, rest = [], attributes[b"channels"]
    while rest[0]:
        name, rest = rest.split(b"\0", 1)
        channels.append((name.decode(), {1: "<f2", 2: "<f4"}[struct.unpack_from("<i", rest)[0]]))
        rest = rest[16:]
    planes = {name: (np.zeros((height, width), kind), kind) for name, kind in channels}
    for offset in struct.unpack_from(f"<{height}Q", data, at):
        y, size = struct.unpack_from("<ii", data, offset)
        offset += 8
        begin = offset
        for name, kind in channels:
            planes[name][0][y - y0] = np.frombuffer(data, kind, width, offset)
            offset += width * np.dtype(kind).itemsize
        assert offset - begin == size
    assert offset == len(data)
    return planes


def exr_by_library(data, width, height):
    """Half RGBA by OpenEXR's C++ library."""
    library = ctypes.CDLL("libOpenEXR-3_1.so.30")
    library.ImfOpenInputFile.restype = ctypes.c_void_p
    library.ImfInputSetFrameBuffer.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    library.ImfInputReadPixels.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    library.ImfCloseInputFile.argtypes = [ctypes.c_void_p]
    pixels = np.zeros((height, width, 4), np.float16)
    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(data)
        file.flush()
        opened = library.ImfOpenInputFile(file.name.encode())
        assert opened
        assert library.ImfInputSetFrameBuffer(opened, pixels.ctypes.data, 1, width)
        assert library.ImfInputReadPixels(opened, 0, height - 1)
        library.ImfCloseInputFile(opened)
    return pixels


class Plain(unittest.TestCase):
    def test_raw_floats_are_the_values(self):
        for n in range(1, 5):
            body, headers = render(n, format="f32")
            got = np.frombuffer(body, "<f4").reshape(HEIGHT, WIDTH, n)
            np.testing.assert_array_equal(got, want(n).astype("f4"))
            self.assertEqual(headers["Sinter-Clipped"], "0")
            self.assertEqual(headers["Sinter-Nonfinite"], "0")

    def test_npy(self):
        for n in range(1, 5):
            for bits, kind in ((8, "u1"), (16, "<u2"), (32, "<f4")):
                body, _ = render(n, format="npy", bits=bits)
                got = np.load(io.BytesIO(body), allow_pickle=False)
                self.assertEqual(got.dtype, np.dtype(kind))
                self.assertEqual(got.shape, (HEIGHT, WIDTH) if n == 1 else (HEIGHT, WIDTH, n))
                values = want(n) if bits == 32 else codes(want(n), bits)
                np.testing.assert_array_equal(got.reshape(HEIGHT, WIDTH, n), values.astype(kind))

    def test_pfm(self):
        for n in (1, 3):
            body, _ = render(n, format="pfm")
            kind, size, scale, data = body.split(b"\n", 3)
            self.assertEqual((kind, size, float(scale)), (b"PF" if n == 3 else b"Pf", b"64 32", -1.0))
            got = np.frombuffer(data, "<f4").reshape(HEIGHT, WIDTH, n)[::-1]
            np.testing.assert_array_equal(got, want(n).astype("f4"))


class Png(unittest.TestCase):
    def test_every_layout(self):
        for n in range(1, 5):
            for bits in (8, 16):
                body, headers = render(n, format="png", bits=bits)
                got, depth = png_values(body)
                self.assertEqual(depth, bits)
                np.testing.assert_array_equal(got, codes(want(n), bits))
                self.assertNotIn("sRGB", run("pngcheck", "-v", data=body))
                outside = np.count_nonzero((want(n) < 0) | (want(n) > 1))
                self.assertEqual(int(headers["Sinter-Clipped"]), outside)
                if bits == 8:
                    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(body))).reshape(got.shape), got)

    def test_srgb_is_declared_and_leaves_alpha_alone(self):
        for n in range(1, 5):
            for bits in (8, 16):
                body, _ = render(n, format="png", bits=bits, encode="srgb")
                self.assertIn("sRGB", run("pngcheck", "-v", data=body))
                self.assertEqual(Image.open(io.BytesIO(body)).info["srgb"], 0)
                linear = np.clip(want(n), 0, 1)
                curved = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
                if n % 2 == 0:
                    curved[..., -1] = linear[..., -1]
                off = np.abs(png_values(body)[0] - curved * (2**bits - 1))
                self.assertLess(off.max(), 0.5 + 0.01)

    def test_large_ones_of_many_bands(self):
        body, _ = render(3, format="png", bits=16, width=1024, height=512)
        np.testing.assert_array_equal(png_values(body)[0], codes(want(3, 1024, 512), 16))
        run("pngcheck", data=body)

    def test_other_files_of_many_bands(self):
        size = {"width": 1024, "height": 512}
        values = want(3, **size)
        half = exr_values(render(3, format="exr", bits=16, **size)[0])
        for c, name in enumerate("RGB"):
            np.testing.assert_array_equal(half[name][0], values[..., c].astype("f4").astype("f2"))
        with tarfile.open(fileobj=io.BytesIO(render(3, format="tar", frames=3, bits=16, **size)[0])) as archive:
            for member in archive.getmembers():
                np.testing.assert_array_equal(png_values(archive.extractfile(member).read())[0], codes(values, 16))
        movie = Image.open(io.BytesIO(render(3, format="apng", frames=3, **size)[0]))
        for i in range(3):
            movie.seek(i)
            np.testing.assert_array_equal(np.asarray(movie.convert("RGB")), codes(values, 8))
        diffuse = {"dither": "floyd_steinberg", **size}
        array = np.load(io.BytesIO(render(3, format="npy", bits=8, **diffuse)[0]))
        np.testing.assert_array_equal(png_values(render(3, format="png", **diffuse)[0])[0], array)
        self.assertLess(np.abs(array - np.clip(values, 0, 1) * 255).max(), 2)

    def test_what_is_not_finite(self):
        x = (np.arange(WIDTH) + 0.5) / WIDTH
        with np.errstate(all="ignore"):
            values = np.broadcast_to(np.stack([np.sqrt(x - 0.5), 1 / np.floor(x * 2)], axis=-1), (HEIGHT, WIDTH, 2))
        body, headers = render(outputs=["sqrt(x-0.5)", "1/floor(x*2)"], format="png")
        got, _ = png_values(body)
        np.testing.assert_array_equal(got, codes(values, 8))
        self.assertEqual(int(headers["Sinter-Nonfinite"]), WIDTH * HEIGHT)
        self.assertEqual(int(headers["Sinter-Clipped"]), WIDTH * HEIGHT // 2)


class Exr(unittest.TestCase):
    names = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}

    def test_every_layout(self):
        for n in range(1, 5):
            for bits, kind in ((16, "<f2"), (32, "<f4")):
                body, _ = render(n, format="exr", bits=bits)
                planes = exr_values(body)
                self.assertEqual(list(planes), sorted(self.names[n]))
                for c, name in enumerate(self.names[n]):
                    self.assertEqual(planes[name][1], kind)
                    np.testing.assert_array_equal(planes[name][0], want(n)[..., c].astype("f4").astype(kind))

    def test_openexr_reads_them(self):
        for n in range(1, 5):
            for bits in (16, 32):
                body, _ = render(n, format="exr", bits=bits)
                got = exr_by_library(body, WIDTH, HEIGHT)
                half = want(n).astype("f2")
                colours = half[..., :3] if n > 2 else np.repeat(half[..., :1], 3, axis=-1)
                np.testing.assert_array_equal(got[..., :3], colours)
                np.testing.assert_array_equal(got[..., 3], half[..., -1] if n % 2 == 0 else 1)

    def test_head(self):
        text = run("exrheader", data=render(4, format="exr", bits=16)[0])
        self.assertIn("R, 16-bit floating-point", text)
        self.assertIn("compression (type compression): none", text)
        self.assertNotIn("capDate", text)

    def test_what_a_half_cannot_hold_is_counted(self):
        body, headers = render(outputs=["x*2*65536"], format="exr", bits=16)
        with np.errstate(over="ignore"):
            values = (want(2)[..., 1] * 0 + (np.arange(WIDTH) + 0.5) / WIDTH * 131072).astype("f4").astype("f2")
        np.testing.assert_array_equal(exr_values(body)["Y"][0], values)
        self.assertEqual(int(headers["Sinter-Clipped"]), np.count_nonzero(np.isinf(values)))
        self.assertEqual(headers["Sinter-Nonfinite"], "0")


class Frames(unittest.TestCase):
    outputs = ["t+x*0.25", "y", "x", "1-0.5*t"]

    def values(self, i, n, fps=4):
        base = want(4)
        t = i / fps
        x = (np.arange(WIDTH) + 0.5) / WIDTH + base[..., 1] * 0
        return np.stack([t + x * 0.25, base[..., 1], x, 0 * x + 1 - 0.5 * t][:n], axis=-1)

    def test_apng(self):
        for n in range(1, 5):
            body, _ = render(outputs=self.outputs[:n], format="apng", frames=3, fps=4)
            movie = Image.open(io.BytesIO(body))
            self.assertEqual(movie.n_frames, 3)
            self.assertEqual(movie.info["loop"], 0)
            for i in range(3):
                movie.seek(i)
                self.assertEqual(movie.info["duration"], 250.0)
                got = np.asarray(movie).reshape(HEIGHT, WIDTH, -1)
                np.testing.assert_array_equal(got[..., :n], codes(self.values(i, n), 8))
            still, _ = png_values(body)
            np.testing.assert_array_equal(still, codes(self.values(0, n), 8))

    def test_tar(self):
        for n, bits in ((1, 8), (3, 16)):
            body, _ = render(outputs=self.outputs[:n], format="tar", frames=12, fps=4, bits=bits)
            names = [f"frame_{i:05}.png" for i in range(12)]
            self.assertEqual(run("tar", "tf", data=body).split(), names)
            with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                self.assertEqual(archive.getnames(), names)
                for i, member in enumerate(archive.getmembers()):
                    self.assertEqual((member.mtime, member.uid, member.mode), (0, 0, 0o644))
                    got, depth = png_values(archive.extractfile(member).read())
                    self.assertEqual(depth, bits)
                    np.testing.assert_array_equal(got, codes(self.values(i, n), bits))

    def test_npy_of_frames(self):
        body, _ = render(outputs=self.outputs[:2], format="npy", frames=5, fps=4)
        got = np.load(io.BytesIO(body))
        self.assertEqual(got.shape, (5, HEIGHT, WIDTH, 2))
        for i in range(5):
            np.testing.assert_array_equal(got[i], self.values(i, 2).astype("f4"))

    def test_slices_are_a_volume(self):
        for n in (1, 3):
            outputs = ["z", "x", "y*z"][:n]
            body, _ = render(outputs=outputs, format="npy", slices=8, z_range=[-1, 3])
            got = np.load(io.BytesIO(body))
            self.assertEqual(got.shape, (8, HEIGHT, WIDTH) if n == 1 else (8, HEIGHT, WIDTH, n))
            raw, _ = render(outputs=outputs, format="f32", slices=8, z_range=[-1, 3])
            self.assertEqual(raw, got.tobytes())
            for k in range(8):
                z = -1 + 4 * (k + 0.5) / 8  # the middle of the slice, as pixels have theirs
                np.testing.assert_array_equal(got[k].reshape(HEIGHT, WIDTH, n)[..., 0], z)
        body, _ = render(outputs=["z"], format="npy", slices=4)
        np.testing.assert_array_equal(np.load(io.BytesIO(body))[:, 0, 0], [0.125, 0.375, 0.625, 0.875])
        tar, _ = render(outputs=["z"], format="tar", slices=4)
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            last = archive.extractfile("frame_00003.png").read()
        np.testing.assert_array_equal(png_values(last)[0], codes(np.full((HEIGHT, WIDTH, 1), 0.875), 8))


def bayer(side):
    """The published recursion on whole matrices."""
    matrix = np.zeros((1, 1), int)
    while matrix.shape[0] < side:
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    tiled = np.tile(matrix, (HEIGHT // side, WIDTH // side))
    return ((tiled + 0.5) / side**2)[..., None]


TAPS = {
    "floyd_steinberg": [(1, 0, 7 / 16), (-1, 1, 3 / 16), (0, 1, 5 / 16), (1, 1, 1 / 16)],
    "atkinson": [(1, 0, 1 / 8), (2, 0, 1 / 8), (-1, 1, 1 / 8), (0, 1, 1 / 8), (1, 1, 1 / 8), (0, 2, 1 / 8)],
}


def diffused(values, bits, taps):
    most = 2**bits - 1
    wants = np.clip(values, 0, 1) * most
    out = np.zeros(values.shape, int)
    for y, x, c in np.ndindex(values.shape):
        out[y, x, c] = np.clip(np.floor(wants[y, x, c] + 0.5), 0, most)
        for dx, dy, share in taps:
            if 0 <= x + dx < values.shape[1] and y + dy < values.shape[0]:
                wants[y + dy, x + dx, c] += (wants[y, x, c] - out[y, x, c]) * share
    return out


class Dither(unittest.TestCase):
    def test_bayer(self):
        for side in (2, 4, 8):
            for bits in (8, 16):
                for n in (1, 3):
                    body, _ = render(n, format="png", bits=bits, dither=f"bayer{side}")
                    np.testing.assert_array_equal(png_values(body)[0], codes(want(n), bits, bayer(side)))

    def test_diffusion(self):
        for kind, taps in TAPS.items():
            for bits in (8, 16):
                for n in (1, 4):
                    body, headers = render(n, format="png", bits=bits, dither=kind)
                    np.testing.assert_array_equal(png_values(body)[0], diffused(want(n), bits, taps))
                    outside = np.count_nonzero((want(n) < 0) | (want(n) > 1))
                    self.assertEqual(int(headers["Sinter-Clipped"]), outside)
                    array, _ = render(n, format="npy", bits=bits, dither=kind)
                    got = np.load(io.BytesIO(array)).reshape(HEIGHT, WIDTH, n)
                    np.testing.assert_array_equal(got, diffused(want(n), bits, taps))

    def test_diffusion_begins_anew_with_each_frame(self):
        body, _ = render(outputs=["x*y"], format="tar", frames=2, dither="atkinson")
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            first, second = [archive.extractfile(m).read() for m in archive.getmembers()]
        self.assertEqual(first, second)

    def test_a_tile_is_the_crop(self):
        for kind in ("none", "bayer2", "bayer4", "bayer8", "ordered", "blue_noise"):
            whole = png_values(render(2, format="png", dither=kind)[0])[0]
            tile = png_values(render(2, format="png", dither=kind, tile=[13, 7, 30, 11])[0])[0]
            np.testing.assert_array_equal(tile, whole[7:18, 13:43])

    def test_blue_noise_keeps_the_mean(self):
        body, _ = render(outputs=["0.4015"], format="npy", bits=8, dither="blue_noise", width=128, height=128)
        got = np.load(io.BytesIO(body))
        self.assertLess(abs(got.mean() - 0.4015 * 255), 1 / 4096)
        self.assertEqual(set(np.unique(got)), {102, 103})

    def test_the_table_is_what_its_tool_makes(self):
        made = subprocess.run([sys.executable, ROOT / "tests/tools/blue_noise.py"], capture_output=True, check=True)
        self.assertEqual(made.stdout, (ROOT / "api/image/blue_noise.h").read_bytes())


class Refused(unittest.TestCase):
    def test_what_makes_no_sense(self):
        cases = [
            ("/tile", {"dither": "atkinson", "tile": [0, 0, 8, 8]}),
            ("/tile", {"dither": "floyd_steinberg", "tile": [0, 0, 8, 8], "format": "npy", "bits": 8}),
            ("/dither", {"dither": "bayer4", "format": "f32"}),
            ("/dither", {"dither": "bayer4", "format": "exr", "bits": 16}),
            ("/dither", {"dither": "atkinson", "format": "npy"}),
            ("/dither", {"dither": "bayer3"}),
            ("/bits", {"format": "exr", "bits": 8}),
            ("/encode", {"format": "exr", "encode": "srgb"}),
            ("/frames", {"format": "exr", "frames": 2}),
            ("/frames", {"format": "png", "frames": 2}),
            ("/slices", {"format": "png", "slices": 2}),
            ("/slices", {"format": "npy", "slices": 2, "frames": 2}),
            ("/slices", {"format": "apng", "slices": 2}),
            ("/z", {"format": "npy", "slices": 2, "z": 1}),
            ("/z_range", {"format": "npy", "z_range": [0, 1]}),
            ("/fps", {"format": "apng", "frames": 2, "fps": 1e6}),
        ]
        for pointer, request in cases:
            answer, body = server.ask(graph=graph(["x"]), width=16, height=16, **request)
            self.assertEqual(answer.status, 422, (request, body))
            self.assertEqual(json.loads(body)["errors"][0]["pointer"], pointer, (request, body))


if __name__ == "__main__":
    server = Server()
    try:
        unittest.main()
    finally:
        server.process.terminate()
        server.process.wait()
