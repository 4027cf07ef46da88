#!/usr/bin/env python3
"""Writes what fuzzers begin with: seeds from the examples, the tests' cases and the tables, and dictionaries.

    tests/fuzz/seeds.py SINTER OUT

OUT/NAME/* are the seeds of fuzz_NAME, OUT/NAME.dict its words. `./dev fuzz seeds` merges them into tests/fuzz/corpus."""
import glob
import hashlib
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sinter, out = sys.argv[1], sys.argv[2]
top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(top)
SMALL = 6000


def seed(name, data):
    data = data.encode() if isinstance(data, str) else data
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha1(data).hexdigest()[:16]), "wb") as f:
        f.write(data)


def words(name, tokens):
    with open(os.path.join(out, name + ".dict"), "w") as f:
        for raw in sorted({t.encode() if isinstance(t, str) else t for t in tokens}):
            f.write('"%s"\n' % "".join(chr(b) if 32 < b < 127 and b not in b'"\\' else "\\x%02x" % b for b in raw))


def run(*args, data=None):
    return subprocess.run([sinter, *args], input=data, capture_output=True).stdout


ops = json.loads(run("ops", "--json"))
examples = [open(p).read() for p in sorted(glob.glob("examples/*.json"))]
shown = re.findall(r"^show (.*)$", open("docs/showcase.txt").read(), re.M)
law = [line.split(" : ", 1)[1].strip() for line in open("tests/cases/law.txt") if " : " in line and line[0] != "#"]


def value_of(inp):
    """Something that an input takes."""
    kind = inp.get("type", "number")
    if "choices" in inp or "values" in inp:
        return (inp.get("choices") or inp.get("values"))[0]
    if "default" in inp:
        return inp["default"]
    return "in" if inp["name"] == "in" else "vec3(x,y,0.5)" if kind.startswith("v") else "x"


def graphs():
    yield from examples
    for op in ops:
        node = {"op": op["name"]}
        node.update({i["name"]: value_of(i) for i in op.get("inputs", []) if i.get("required")})
        yield json.dumps({"nodes": {"n": node}, "output": "n"}, separators=(",", ":"))
    for text in law:
        yield text if text[0] == "{" else json.dumps({"output": text}, separators=(",", ":"))
    yield '{"nodes":{"d":{"op":"delay","in":"in+0.5*d","time":0.002}},"output":["d","d*0.5"]}'
    yield '{"bake":true,"params":{"k":{"default":1,"min":0,"max":9}},"output":["sin(x*k)","y"]}'


for text in graphs():
    if len(text) < SMALL:
        seed("graph", text)
        seed("json", text)
for text in [t for t in law if t[0] != "{"] + shown:
    seed("expr", text.replace("$", "perlin2(x, y)"))
for path in sorted(glob.glob("tests/cases/json/*")):
    if os.path.getsize(path) < SMALL:
        seed("json", open(path, "rb").read())
for path in sorted(glob.glob("tests/cases/pass/*.ir")):
    text = open(path).read()
    seed("ir", re.sub(r"^(pass .*|;.*)\n", "", text.split("---")[0], flags=re.M))
for path in sorted(glob.glob("examples/*.json")):
    first = run("explain", path).decode("utf-8", "replace").split("\n== ")[0]
    ir = first.split("\n", 1)[1] if "\n" in first else ""
    if 0 < len(ir) < 2 * SMALL:
        seed("ir", ir)

# ---- audio ----


def chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def wav(channels, bits, kind, frames=300, rate=48000, extensible=False, more=b""):
    samples = b""
    for i in range(frames * channels):
        v = math.sin(i * 0.05) * 0.7
        samples += (struct.pack("<f", v) if kind == 3 and bits == 32 else struct.pack("<d", v) if kind == 3
                    else struct.pack("<i", int(v * 2147483647))[4 - bits // 8:] if bits > 8 else bytes([int(v * 127 + 128)]))
    size = bits // 8 * channels
    head = struct.pack("<HHIIHH", 0xFFFE if extensible else kind, channels, rate, rate * size, size, bits)
    if extensible:
        head += struct.pack("<HHIH14s", 22, bits, 0, kind, b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71")
    body = b"WAVE" + chunk(b"fmt ", head) + more + chunk(b"data", samples)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def aiff(channels, frames=200):
    samples = b"".join(struct.pack(">h", int(9000 * math.sin(i * 0.1))) for i in range(frames * channels))
    comm = struct.pack(">hIh", channels, frames, 16) + b"\x40\x0e\xbb\x80" + b"\0" * 6
    parts = b"AIFF" + b"COMM" + struct.pack(">I", 18) + comm + b"SSND" + struct.pack(">III", len(samples) + 8, 0, 0) + samples
    return b"FORM" + struct.pack(">I", len(parts)) + parts


waves = [wav(1, 16, 1), wav(2, 24, 1), wav(2, 32, 3), wav(1, 8, 1), wav(1, 64, 3), wav(2, 32, 1), wav(3, 24, 1, 100, 96000, True),
         wav(1, 16, 1, 64, more=chunk(b"LIST", b"INFOabc")), wav(1, 16, 1, 0), aiff(1), aiff(2)]
with tempfile.TemporaryDirectory() as folder:
    source, target = folder + "/in.wav", folder + "/out.flac"
    for i, bits in enumerate(("16", "24")):
        open(source, "wb").write(wav(1 + i, 24, 1, 400))
        run("process", "--expr", "in", source, "-o", target, "--format", "flac", "--bits", bits)
        if os.path.exists(target):
            waves.append(open(target, "rb").read())
    pictures = []
    for ending, more in (("png", []), ("exr", []), ("npy", []), ("png", ["--bits", "16"]), ("f32", [])):
        for expr in ("x", '["x","y"]', '["x","y","x*y"]', '["x","y","x*y","0.5"]'):
            graph, image = folder + "/g.json", folder + "/i." + ending
            open(graph, "w").write('{"output":%s}' % (expr if expr[0] == "[" else '"%s"' % expr))
            run("render", graph, "-o", image, "-w", "9", "-h", "5", *more)
            if os.path.exists(image):
                pictures.append((ending, open(image, "rb").read()))
                os.unlink(image)
for w in waves:
    seed("audio", w)
    for request in range(6):
        seed("intake", bytes([request, 5]) + w)
for request in (6, 7, 8):
    seed("intake", bytes([request, 3]) + wav(2, 32, 3, 90)[44:])

# ---- images ----
for ending, data in pictures:
    if ending == "f32":
        n = len(data) // (9 * 5 * 4)
        seed("image", bytes([2, 9, 5, n]) + data)
    else:
        seed("image", bytes([0, 0, 0, 0]) + data)
        seed("image", bytes([1, 0, 0, 0]) + data)


def npy(kind, code, shape):
    text = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)).ljust(117) + "\n"
    samples = b"".join(struct.pack(code, i % 7) for i in range(math.prod(shape)))
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text.encode() + samples


for kind, code in (("<f2", "<e"), (">f4", ">f"), ("<f8", "<d"), ("|u1", "B"), ("<u2", "<H")):
    for shape in ((3, 4), (3, 4, 3), (2, 2, 4)):
        seed("image", bytes(4) + npy(kind, code, shape))


def part(kind, data):
    return bytes([kind, len(data)]) + data


def head(w, h, depth, colour, interlace=0):
    return part(0, struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlace))


for colour, channels in ((0, 1), (2, 3), (3, 1), (4, 2), (6, 4)):
    for depth in (1, 2, 4, 8, 16):
        if depth < 8 and colour not in (0, 3) or depth == 16 and colour == 3:
            continue
        row = 1 + (5 * channels * depth + 7) // 8
        rows = bytes((i % row and (i * 37) % 256) if i % row else (i // row) % 5 for i in range(row * 3))
        palette = part(2, bytes(range(48))) if colour == 3 else b""
        alpha = part(3, b"\0\1\2\3\4\5"[:2 if colour == 0 else 6]) if colour in (0, 2, 3) else b""
        seed("png", b"\0" + head(5, 3, depth, colour) + palette + alpha + part(1, rows) + part(4, b""))
        seed("png", b"\1" + head(5, 3, depth, colour, 1) + palette + part(5, struct.pack(">I", 45455)) + part(1, rows * 2) + part(4, b""))

# ---- requests ----


def multipart(parts, cut=b"cut"):
    body = b""
    for headers, data in parts:
        body += b"--" + cut + b"\r\n" + headers + b"\r\n\r\n" + data + b"\r\n"
    return body + b"--" + cut + b"--\r\n"


def field(name, kind=""):
    return ('Content-Disposition: form-data; name="%s"' % name + ("\r\nContent-Type: " + kind if kind else "")).encode()


render = b'{"graph":{"output":"image(\'p\',u,v)"},"width":5,"height":4,"format":"f32"}'
raw = b'{"expr":"image(\'p\',u,v)","width":5,"height":4,"format":"f32","images":{"p":{"width":2,"height":2,"channels":1}}}'
process = b'{"graph":{"output":"in*0.5"},"format":"f32le"}'
for ending, data in pictures[:12]:
    if len(data) < 3000:
        seed("multipart", b"\0" + multipart([(field("request", "application/json"), render), (field("p", "image/png"), data)]))
seed("multipart", b"\0" + multipart([(field("request"), raw), (field("p"), b"\0\0\0\x3f" * 4)]))
seed("multipart", b"\2" + multipart([(field("request"), raw), (field("p"), b"\0\0\0\x3f" * 4)], b"a b"))
for w in waves[:4]:
    seed("multipart", b"\1" + multipart([(field("request"), process), (field("audio", "audio/wav"), w)]))
seed("multipart", b"\1" + multipart([(field("request"), b'{"graph":{"output":"convolve(in,\'ir\')"},"format":"f32le"}'),
                                     (field("audio", "audio/wav"), waves[0]), (field("ir"), waves[2])]))
seed("multipart", b"\1" + multipart([(field("request"), b'{"expr":"in","channels":1,"rate":48000}'),
                                     (field("audio", "application/octet-stream"), bytes(64))]))
seed("multipart", b"\4" + multipart([(field("request"), raw)]))

for text in ("GET / HTTP/1.1\r\nHost: a\r\n\r\n",
             "GET /render?expr=x%2By&width=8&param.k=2 HTTP/1.1\r\nHost: a:80\r\nAccept: image/png\r\nUser-Agent: t\r\n\r\n",
             "POST /render HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n",
             "POST /process?graph=ab HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
             "GET http://h/a?b=c&b=d HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTE: trailers\r\n\r\n",
             "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a HTTP/1.0\r\n\r\n",
             "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
             "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
             "GET /a HTTP/1.1\nHost: a\nX: 1\n 2\n\n",
             "GET /a%2fb/../c//d?%20=+&=&& HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"):
    seed("head", text)

# ---- jobs ----
items = ['{"kind":"render","expr":"x+y","width":8,"height":8}', '{"kind":"process","graph":{"output":"in*0.5"},"audio":"/blobs/%s"}' % ("a" * 64),
         '{"id":"one","kind":"render","graph":{"output":"image(\'p\',u,v)"},"files":{"p":"/blobs/%s"}}' % ("0" * 64),
         '{"id":"e\\u0041","kind":"process","expr":"sine(4)","rate":48000,"seconds":0.1}', '[]', '3', '"a,b]"']
for some in (items[:1], items[:3], items[3:5], items):
    seed("ndjson", b"\1" + "\n".join(some).encode() + b"\n")
    seed("ndjson", b"\1" + "\r\n\n".join(some).encode())
    seed("ndjson", b"\0[" + ",".join(some).encode() + b"]")
    seed("ndjson", b"\0 [ " + " , ".join(some).encode() + b" ] ")

# ---- the store ----
for flags in (0, 2, 4, 6):
    for kinds in (0, 0x40, 0x1b, 0xe4):
        seed("store", bytes([flags, kinds]) + part(0, b"\xc3" * 40)[1:] + part(0, b"shape")[1:] + part(0, bytes([1, 2, 3]) + bytes(17))[1:]
             + part(0, b"x86-64-v3")[1:] + part(0, bytes(32))[1:])


# ---- what only a running server makes ----
def ask(url, data=None, kind="application/json", method=None):
    request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read()
    except urllib.error.HTTPError as e:
        sys.exit("%s: %s" % (url, e.read().decode()))


with tempfile.TemporaryDirectory() as folder:
    server = subprocess.Popen([sinter, "serve", "--listen", "127.0.0.1:0", "--store", folder, "--compilers", "0", "--threads", "1"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        base = server.stdout.readline().split()[-1]
        for graph in ({"output": "in*0.5"}, {"output": ["sine(300)+pink()", "white()"]},
                      {"params": {"c": {"default": 900, "min": 20, "max": 9000}},
                       "nodes": {"d": {"op": "delay", "in": "in+0.6*l", "time": 0.0005}, "l": {"op": "lowpass", "in": "d", "freq": "c", "q": 2}},
                       "output": "l"}):
            opened = json.loads(ask(base + "/streams", json.dumps({"graph": graph, **({} if "sine" in str(graph) else {"channels": 1}), "rate": 48000}).encode()))
            path = base + "/streams/" + opened["id"]
            for seq in range(3):
                state = ask(path + "/state")
                seed("state", b"\0" + state[:-32])
                seed("state", b"\1" + state)
                if "sine" in str(graph):
                    ask(path + "?seq=%d&frames=16" % seq, b"", "application/octet-stream")
                else:
                    ask(path + "?seq=%d" % seq, struct.pack("<16f", *range(16)), "application/octet-stream")
                if graph.get("params"):
                    ask(path, b'{"params":[{"param":"c","value":500,"at":900,"ramp":40}]}' if seq else b'{"params":{"c":700}}', method="PATCH")
        ask(base + "/graphs", b'{"output":"x+y"}')
    finally:
        server.terminate()
        server.wait()
    for name in ("data.db", "kernels.db"):
        if os.path.exists(folder + "/" + name):
            seed("store", b"\1" + open(folder + "/" + name, "rb").read())

# ---- dictionaries ----
names = [o["name"] for o in ops]
inputs = [i["name"] for o in ops for i in o.get("inputs", [])]
variables = ["x", "y", "z", "t", "u", "v", "in", "in.0", "n", "channel", "rate", "pi", "let ", "if ", " then ", " else ", "vec2(",
             "vec3(", "vec4(", "1e300", "1e-40", "0.5", "-0", "==", "<=", "!=", "&&", "||", "'", ".xyz", ".r"]
keys = ["version", "params", "nodes", "output", "op", "default", "min", "max", "unit", "bake", "graph", "expr"]
words("expr", names + [n + "(" for n in names] + [i + "=" for i in inputs] + variables)
words("json", ['"%s"' % k for k in keys + names] + ["\\u0000", "\\ud834\\udd1e", "1e308", "null", "true", "false", "\ufeff", "{}", "[]"])
words("graph", ['"%s"' % k for k in keys + names + inputs] + names + variables + ['"op":"', '"output":', '"nodes":{', ',"'])
words("ir", re.findall(r'^OP\(\w+, +"([^"]+)"', open("core/ops.def").read(), re.M) +
      ["main {", "fn ", "out 0 ", "arg 0 param 0", "table ", "param.f32 ", "%1", "%2", " = ", "input 0", "}", "f32", "f64", "i32", "mask"])
words("audio", ["RIFF", "WAVE", "fmt ", "data", "fact", "LIST", "fLaC", "FORM", "AIFF", "AIFC", "COMM", "SSND", "RF64", "ds64", "bext",
                b"\xff\xff\xff\xff", b"\xfe\xff", b"\x01\0", b"\x03\0"])
words("intake", ["RIFF", "WAVE", "fmt ", "data", "LIST", "fLaC", "FORM", "AIFF", "COMM", "SSND", "RF64", "ds64", b"\xff\xff\xff\xff"])
words("image", [b"\x89PNG\r\n\x1a\n", "IHDR", "IDAT", "PLTE", "tRNS", "IEND", b"\x93NUMPY\x01\0", "'descr': ", "'fortran_order': False",
                "'shape': (", "<f4", ">f8", "|u1", b"\x76\x2f\x31\x01", "channels", "chlist", "compression", "dataWindow", "box2i",
                "displayWindow", "lineOrder", "pixelAspectRatio", "screenWindowCenter", "v2f", "screenWindowWidth", "tiles", "tiledesc"])
words("multipart", ["--cut", "--cut--", "\r\n", "\r\n\r\n", "Content-Disposition: form-data; name=", '"request"', '"audio"', "filename=",
                    "Content-Type: ", "Content-Transfer-Encoding: base64", "image/png", "application/json"] + ['"%s"' % k for k in (
                        "graph", "expr", "params", "width", "height", "format", "images", "channels", "rate", "tail", "region", "samples")])
words("ndjson", ['"id":', '"kind":', '"render"', '"process"', '"audio":"/blobs/', '"files":{', '"blobs"', "a" * 64, "\n", "\r\n", "[{", "},{", "}]", "[]",
                 '"expr":"x"', '"graph":', "\\u0041"])
words("head", ["GET ", "POST ", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: ", "Content-Length: ", "Transfer-Encoding: ", "chunked", "gzip",
               "Expect: 100-continue", "Connection: ", "close", "\r\n", "\r\n\r\n", "%00", "%2f", "%", "http://", "[::1]", ":8080", "?", "&",
               "=", "+", "Trailer: ", "Upgrade: h2c", "\t", b"\x80"])
