"""Makes tests/data/tensix: small vectors of our own, computed by tools/tensix_plain.py, with a case for each rule of
sections 3 to 8.1 and for each value that a field of the manifest may take. Inputs are drawn so that the rule matters.

    tools/make_tensix_vectors.py [DIR]
"""
import json
import pathlib
import sys

import numpy as np

import tensix_plain as plain

FORMATS = ("bf16", "fp32", "bfp8_b", "bfp4_b", "bfp2_b")


class Folder:
    def __init__(self):
        self.cases, self.data, self.places = [], bytearray(), {}

    def blob(self, raw):
        raw = bytes(raw)
        if raw not in self.places:  # shared between cases: the folder stays small
            self.data += b"\0" * (-len(self.data) % 16)
            self.places[raw] = [len(self.data), len(raw)]
            self.data += raw
        return self.places[raw]

    def add(self, name, op, inputs, outputs, **fields):
        case = {"id": name, "op": op, **fields, "in": {}, "out": dict.fromkeys(outputs)}
        case["in"] = {key: self.blob(raw) for key, raw in inputs.items()}
        chips = [fields["arch_only"]] if "arch_only" in fields else ["wh", "bh"]
        made = {chip: plain.run(case, lambda key: bytes(inputs[key]), chip) for chip in chips}
        for key in outputs:
            places = {chip: self.blob(made[chip][key]) for chip in chips}
            first = places[chips[0]]
            case["out"][key] = first if all(place == first for place in places.values()) else places
        case["file"] = "vectors.bin"
        self.cases.append(case)

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(case) for case in self.cases)
        (folder / "manifest.json").write_text('{"version":1,"cases":[\n' + lines + "\n]}\n")
        (folder / "vectors.bin").write_bytes(self.data)


# ---- Draws --------------------------------------------------------------------------------------------------------
def rng(name):
    return np.random.default_rng([*name.encode()])


def normal(r, n=1024, scale=1.0):
    return (r.standard_normal(n) * scale).astype("<f4")


def wide(r, n=1024, spread=12):
    return (r.standard_normal(n) * 2.0 ** r.integers(-spread, spread + 1, n)).astype("<f4")


def as_bf16(values):
    return (np.asarray(values, "<f4").view("<u4") >> 16).astype("<u2")


def raw_bits(r, fmt):
    return r.integers(0, 256, plain.TILE_BYTES[fmt]).astype(np.uint8).tobytes()


def bfp(r, fmt, low=118, high=130):
    """Block floats with exponents in [low, high], without the code -0."""
    w = plain.BFP_BITS[fmt]
    code = r.integers(0, 1 << w, 1024)
    code = np.where(code == 1 << (w - 1), 0, code)
    packed = np.zeros(1024 * w // 8, np.int64)
    for lane in range(8 // w):
        packed |= code[lane::8 // w] << (lane * w)
    return bytes(np.concatenate([r.integers(low, high + 1, 64), packed]).astype(np.uint8))


def tile(r, fmt, draw=normal, **kw):
    if fmt in plain.BFP_BITS:
        return bfp(r, fmt)
    values = draw(r, **kw)
    return as_bf16(values).tobytes() if fmt == "bf16" else values.tobytes()


def words(values):
    return np.asarray(values, "<u4").tobytes()


def sources(fmt):
    return ("tf32", "bf16") if fmt == "fp32" else (fmt,)


# ---- Cases --------------------------------------------------------------------------------------------------------
def matmul(out, name, in0, in1, src0=None, src1=None, phases=4, fp32=1, kt=1, draw=normal, preload=None, blobs=None):
    r = rng(name)
    inputs = {}
    if preload is not None:
        inputs["dst_preload"] = preload(r)
    for k in range(kt):
        inputs[f"in0_{k}"] = tile(r, in0, draw) if blobs is None else blobs[0]
        inputs[f"in1_{k}"] = tile(r, in1, draw) if blobs is None else blobs[1]
    out.add(name, "matmul", inputs, ["dst"], in0=in0, in1=in1, src0=src0 or sources(in0)[0],
            src1=src1 or sources(in1)[0], phases=phases, fp32_acc=fp32, kt=kt)


def face_tile(mat, fmt):
    flat = plain.faces(np.asarray(mat, "<f4"))
    return as_bf16(flat).tobytes() if fmt == "bf16" else np.ascontiguousarray(flat).tobytes()


def matmul_cases(out):
    for in0 in FORMATS:
        for src0 in sources(in0):
            matmul(out, f"matmul-in0-{in0}-{src0}", in0, "bf16", src0, phases=4)
            matmul(out, f"matmul-in1-{in0}-{src0}", "bf16", in0, None, src0, phases=4)
    for phases in (1, 2, 3, 4):
        for fp32 in (0, 1):
            matmul(out, f"matmul-phases-{phases}-dst{32 if fp32 else 16}", "fp32", "fp32", phases=phases, fp32=fp32,
                   draw=wide if phases == 3 else normal)
    for fp32 in (0, 1):
        matmul(out, f"matmul-wide-dst{32 if fp32 else 16}", "bf16", "bf16", fp32=fp32, draw=wide)
        matmul(out, f"matmul-two-tiles-dst{32 if fp32 else 16}", "bf16", "bfp8_b", phases=2, fp32=fp32, kt=2)
        matmul(out, f"matmul-preload-dst{32 if fp32 else 16}", "bf16", "bf16", phases=2, fp32=fp32,
               preload=lambda r: wide(r, spread=20).tobytes())
    matmul(out, "matmul-three-tiles", "bfp8_b", "bfp4_b", phases=1, fp32=0, kt=3)

    # Group of 8: one huge product in k = 0..7 only; the others of its group are aligned to it, those of the next are not.
    r = rng("group")
    x, w = r.standard_normal((32, 32)), r.standard_normal((32, 32))
    x[:, 3] = 512 * r.choice([-1, 1], 32)
    w[19] *= 900
    for fp32 in (0, 1):
        matmul(out, f"matmul-group-of-8-dst{32 if fp32 else 16}", "bf16", "bf16", phases=4, fp32=fp32,
               blobs=(face_tile(x, "bf16"), face_tile(w, "bf16")))
    # Ties of products: significands whose product is odd times half of the group's last bit.
    x, w = np.zeros((32, 32)), np.zeros((32, 32))
    x[:, 0], w[0] = 1.0, 1.0
    x[:, 1] = (1 + np.arange(32) % 8 * 2 / 64) * np.where(np.arange(32) % 2, 1, -1) * 2.0 ** -(np.arange(32) % 5 + 1)
    w[1] = (1 + np.arange(32) % 16 / 16)
    for fp32 in (0, 1):
        matmul(out, f"matmul-product-ties-dst{32 if fp32 else 16}", "bf16", "bf16", phases=1, fp32=fp32,
               blobs=(face_tile(x, "bf16"), face_tile(w, "bf16")))
    # Ties of terms and of Dst: one product each step against a Dst of another binade.
    def ladder(r):
        return (r.choice([-1, 1], 1024) * (1 + r.integers(0, 256, 1024) / 256) *
                2.0 ** r.integers(-16, 17, 1024)).astype("<f4").tobytes()

    x, w = np.zeros((32, 32)), np.zeros((32, 32))
    x[:, 0] = (1 + np.arange(32) % 8 / 8) * np.where(np.arange(32) % 3, 1, -1)
    w[0] = (1 + np.arange(32) % 16 / 16) * 2.0 ** (np.arange(32) % 24 - 12)
    for fp32 in (0, 1):
        matmul(out, f"matmul-dst-ties-dst{32 if fp32 else 16}", "bf16", "bf16", phases=1, fp32=fp32, preload=ladder,
               blobs=(face_tile(x, "bf16"), face_tile(w, "bf16")))
    # A group's term below Dst, positive and negative ties apart.
    x[:, 0] = np.where(np.arange(32) % 2, 1.5, -1.5)
    w[0] = 2.0 ** (-14 - np.arange(32) % 12) * (1 + np.arange(32) % 4 / 4)
    matmul(out, "matmul-term-ties", "bf16", "bf16", phases=1, fp32=1,
           preload=lambda r: (2.0 ** r.integers(0, 3, 1024)).astype("<f4").tobytes(),
           blobs=(face_tile(x, "bf16"), face_tile(w, "bf16")))
    # Zero slices keep their exponent: in1 has one significant bit, so phases 1 and 3 give zeros that still round Dst.
    w = np.zeros((32, 32))
    w[::3] = 2.0 ** (rng("zero").integers(-3, 20, (11, 32)))
    matmul(out, "matmul-zero-slices", "bf16", "bf16", phases=4, fp32=1,
           preload=lambda r: normal(r, scale=1e-3).tobytes(),
           blobs=(face_tile(rng("zero0").standard_normal((32, 32)), "bf16"), face_tile(w, "bf16")))
    # Underflow inside a group, and of whole groups.
    x = rng("tiny0").standard_normal((32, 32)) * 2.0 ** rng("tiny1").integers(-75, -55, (32, 32))
    w = rng("tiny2").standard_normal((32, 32)) * 2.0 ** rng("tiny3").integers(-75, -55, (32, 32))
    for fp32 in (0, 1):
        matmul(out, f"matmul-underflow-dst{32 if fp32 else 16}", "bf16", "bf16", phases=4, fp32=fp32,
               blobs=(face_tile(x, "bf16"), face_tile(w, "bf16")))
    # Overflow, exponent 255 as an ordinary binade, subnormals and -0.
    with np.errstate(over="ignore"):
        big = (rng("huge").standard_normal((32, 32)) * 2.0 ** rng("huge1").integers(50, 75, (32, 32))).astype("<f4")
    for fp32 in (0, 1):
        matmul(out, f"matmul-overflow-dst{32 if fp32 else 16}", "bf16", "bf16", phases=2, fp32=fp32,
               blobs=(face_tile(big, "bf16"), face_tile(big.T, "bf16")))
    matmul(out, "matmul-any-bits", "bf16", "bfp8_b", phases=3, fp32=1,
           blobs=(raw_bits(rng("raw0"), "bf16"), raw_bits(rng("raw1"), "bfp8_b")))
    # 4.3: sums of exactly -1 and +1 unit. Dst is a negative or positive neighbour of the product's own value.
    x, w = np.zeros((32, 32)), np.zeros((32, 32))
    x[:, 0], w[0] = 1.0, -1.5

    def neighbour(r):
        bits = np.full(1024, np.float32(1.5).view(np.uint32), "<u4")
        return (bits + r.integers(-2, 3, 1024)).astype("<u4").tobytes()

    matmul(out, "matmul-lost-ulp", "bf16", "bf16", phases=1, fp32=1, preload=neighbour,
           blobs=(face_tile(x, "bf16"), face_tile(w, "bf16")))
    # 4.4: the order of phases and halves shows where roundings of Dst differ.
    r = rng("order")
    x, w = r.standard_normal((32, 32)) * 8, r.standard_normal((32, 32))
    x[:, 16:] *= 2.0**-7
    for fp32 in (0, 1):
        matmul(out, f"matmul-loop-order-dst{32 if fp32 else 16}", "fp32", "fp32", phases=4, fp32=fp32,
               blobs=(face_tile(x, "fp32"), face_tile(w, "fp32")))


def elementwise_cases(out):
    def add(name, op, in0="bf16", in1="bf16", fp32=1, phases=1, bcast="none", acc=0, draw=normal, preload=False,
            src0=None, src1=None, blobs=None):
        r = rng(name)
        inputs = {}
        if preload:
            inputs["dst_preload"] = wide(r).tobytes()
        inputs["in0"] = tile(r, in0, draw) if blobs is None else blobs[0]
        inputs["in1"] = tile(r, in1, draw) if blobs is None else blobs[1]
        out.add(name, op, inputs, ["dst"], in0=in0, in1=in1, src0=src0 or sources(in0)[0],
                src1=src1 or sources(in1)[0], phases=phases, fp32_acc=fp32, bcast=bcast, acc=acc)

    r = rng("small")
    tiny = [as_bf16(r.standard_normal(1024) * 2.0 ** r.integers(-72, -58, 1024)).tobytes() for _ in range(2)]
    near = as_bf16(r.standard_normal(1024)).astype("<u2")
    nearby = (near ^ 0x8000) + r.integers(-1, 2, 1024).astype("<u2")
    for fp32 in (0, 1):
        dst = f"dst{32 if fp32 else 16}"
        for phases in (1, 2, 3, 4):
            add(f"elwmul-phases-{phases}-{dst}", "elwmul", "fp32", "fp32", fp32, phases, acc=1)
        add(f"elwmul-preload-{dst}", "elwmul", "bf16", "bfp8_b", fp32, 4, acc=1, draw=wide, preload=True)
        add(f"elwmul-underflow-{dst}", "elwmul", fp32=fp32, phases=4, acc=1, blobs=tiny, preload=False)
        for op in ("elwadd", "elwsub"):
            add(f"{op}-wide-{dst}", op, fp32=fp32, draw=wide)
            add(f"{op}-acc-{dst}", op, "fp32", "bfp8_b", fp32, acc=1, draw=wide, preload=True)
            add(f"{op}-keeps-no-dst-{dst}", op, fp32=fp32, preload=True)
            add(f"{op}-cancel-{dst}", op, fp32=fp32,
                blobs=(near.tobytes(), nearby.astype("<u2").tobytes()))
    # Gaps around 12 with odd significands on 11 bits.
    a = (1 + r.integers(0, 1024, 1024) / 1024).astype("<f4")
    b = ((1 + r.integers(0, 1024, 1024) / 1024) * 2.0 ** -(np.arange(1024) % 15)).astype("<f4")
    b = b * r.choice([-1, 1], 1024).astype("<f4")
    for op in ("elwadd", "elwsub"):
        add(f"{op}-gaps", op, "fp32", "fp32", blobs=(a.tobytes(), b.tobytes()))
        add(f"{op}-gaps-acc", op, "fp32", "fp32", acc=1, preload=True, blobs=(b.tobytes(), a.tobytes()))
    for bcast in ("none", "col0", "row0", "scalar"):
        for op in ("elwmul", "elwadd", "elwsub"):
            add(f"{op}-bcast-{bcast}", op, "bf16", "bf16", 1, 2 if op == "elwmul" else 1, bcast,
                1 if op == "elwmul" else 0)
    for fmt in FORMATS:
        for src in sources(fmt):
            add(f"elwadd-in0-{fmt}-{src}", "elwadd", fmt, "bf16", src0=src)
            add(f"elwmul-in1-{fmt}-{src}", "elwmul", "bf16", fmt, phases=4, acc=1, src1=src)
    add("elwmul-any-bits", "elwmul", phases=4, acc=1,
        blobs=(raw_bits(rng("e0"), "bf16"), raw_bits(rng("e1"), "bf16")))
    add("elwadd-any-bits", "elwadd", "bf16", "bfp4_b",
        blobs=(raw_bits(rng("e2"), "bf16"), raw_bits(rng("e3"), "bfp4_b")))


PACKS = {
    0: ("bf16_via_bf16", "fp32_via_bf16", "bfp8_b_via_bf16", "bfp8_b_via_bfp8_b", "bfp4_b_via_bf16",
        "bfp4_b_via_bfp8_b", "bfp2_b_via_bf16", "bfp2_b_via_bfp8_b"),
    1: ("fp32_via_fp32", "fp32_via_bf16", "bf16_via_bf16", "bfp8_b_via_fp32", "bfp8_b_via_bf16", "bfp8_b_via_bfp8_b",
        "bfp4_b_via_fp32", "bfp4_b_via_bf16", "bfp4_b_via_bfp8_b", "bfp2_b_via_fp32", "bfp2_b_via_bfp8_b"),
}


def copy_cases(out):
    def add(name, fmt, src, via, fp32, raw):
        out.add(name, "copy", {"in0": raw}, ["dst"], in0=fmt, src0=src, via=via, fp32_acc=fp32)

    for fmt in FORMATS:
        for src in sources(fmt):
            raw = raw_bits(rng("copy" + fmt), fmt)
            add(f"copy-mova2d-{fmt}-{src}", fmt, src, "mova2d", 0, raw)
            add(f"copy-elwadd0-{fmt}-{src}", fmt, src, "elwadd0", 1, raw)
    add("copy-unpack-to-dst", "fp32", "fp32", "unpack_to_dst", 1, raw_bits(rng("copy32"), "fp32"))
    # Shared exponents 0 .. 7, where the exponent of small magnitudes wraps.
    for fmt in ("bfp8_b", "bfp4_b", "bfp2_b"):
        w = plain.BFP_BITS[fmt]
        r = rng("wrap" + fmt)
        raw = bytes(np.arange(64, dtype=np.uint8) % 8) + bytes(r.integers(0, 256, 128 * w, np.uint8))
        add(f"copy-exponent-wrap-{fmt}", fmt, fmt, "elwadd0", 1, raw)


def pack_cases(out):
    def add(name, fp32, dst, outputs, relu=0, threshold=0, l1=None):
        inputs = {"dst_preload": dst}
        for i, raw in enumerate(l1 or []):
            inputs[f"l1_{i}"] = raw
        out.add(name, "pack", inputs, [f"pack_{o}" for o in outputs], fp32_acc=fp32, relu=relu,
                relu_threshold_bf16=threshold, l1_acc=int(l1 is not None))

    r = rng("pack")
    any_bits = raw_bits(r, "fp32")
    mixed = wide(r, spread=5).tobytes()
    # Ties and near ties of every stage: 2 to 9 low bits of the upper half set, one bit of the lower half or none.
    m = r.integers(0, 128, 1024) << 16 | r.choice([0, 0x7FFF, 0x8000, 0x8001, 0xFFFF], 1024)
    e = np.where(np.arange(1024) % 16 == 0, 130, 130 - r.integers(0, 9, 1024))
    ties = words(r.integers(0, 2, 1024) << 31 | e << 23 | m)
    saturating = words(r.integers(0, 2, 1024) << 31 | 127 << 23 | r.integers(120, 128, 1024) << 16 |
                       r.integers(0, 1 << 16, 1024))
    specials = words(np.resize([0x00000001, 0x80000000, 0x807FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001,
                                0x7F7FFFFF, 0xFF7F8000, 0x00800000, 0x007FFFFF, 0x3F808000, 0xBF818000, 0x3F80FFFF,
                                0x42FF0000, 0x42FEFFFF, 0x7F7F8000], 1024))
    for fp32 in (0, 1):
        dst = f"dst{32 if fp32 else 16}"
        for name, raw in (("mixed", mixed), ("ties", ties), ("saturating", saturating), ("specials", specials),
                          ("any-bits", any_bits)):
            for way in PACKS[fp32]:
                add(f"pack-{name}-{way}-{dst}", fp32, raw, [way])
        some = ("bf16_via_bf16", "bfp8_b_via_bfp8_b") + (("fp32_via_fp32",) if fp32 else ("fp32_via_bf16",))
        near = words(0x3F800000 + r.integers(-0x2000, 0x2000, 1024) | r.integers(0, 2, 1024) << 31)
        for relu in (1, 2, 3):
            add(f"pack-relu-{relu}-{dst}", fp32, mixed, some, relu, 0x3F80)
            add(f"pack-relu-{relu}-threshold-{dst}", fp32, near, some, relu, 0x3F80)
            add(f"pack-relu-{relu}-negative-threshold-{dst}", fp32, mixed, some[:1], relu, 0xBF80)
        l1_bits = as_bf16(wide(r)).tobytes()
        add(f"pack-l1-acc-bf16-{dst}", fp32, mixed, ["bf16_via_bf16"], l1=[l1_bits])
        add(f"pack-l1-acc-bf16-specials-{dst}", fp32, specials, ["bf16_via_bf16"], l1=[raw_bits(r, "bf16")])
        add(f"pack-l1-acc-fp32-{dst}", fp32, mixed, [some[-1]], l1=[wide(r).tobytes()])
        add(f"pack-l1-acc-fp32-specials-{dst}", fp32, specials, [some[-1]], l1=[raw_bits(r, "fp32")])
        add(f"pack-l1-acc-subnormals-{dst}", fp32, words(np.resize([0x00010000, 0x80010000, 0x00800000], 1024)),
            [some[-1], "bf16_via_bf16"],
            l1=[words(np.resize([0x00400000, 0x80400000, 0x80810000, 0x00000000], 1024)),
                np.resize(np.array([0x0040, 0x8040, 0x8081, 0], "<u2"), 1024).tobytes()])
        add(f"pack-l1-acc-two-outputs-relu-{dst}", fp32, mixed, [some[-1], "bf16_via_bf16"], 1, 0,
            [wide(r).tobytes(), l1_bits])
    # NaN in L1 and in the value, infinities of both signs: bf16.
    grid = np.array([0x7FC0, 0xFF81, 0x7F80, 0xFF80, 0x3F80, 0x7F7F, 0xFF7F, 0x0000], "<u2")
    add("pack-l1-acc-bf16-nan-grid", 0, words(np.resize(np.repeat(grid, 8), 1024).astype("<u4") << 16),
        ["bf16_via_bf16"], l1=[np.resize(grid, 1024).tobytes()])


def sfpu_cases(out):
    special = [0, 0x80000000, 1, 0x807FFFFF, 0x00800000, 0x80800000, 0x3F800000, 0xBF800000, 0x7F7FFFFF, 0xFF7FFFFF,
               0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001, 0x40490FDB, 0x1F800000, 0x5F800001]
    grid = np.array([(a, b, c) for a in special for b in special for c in special[::2] + [0x7F800001]], "<u4")
    r = rng("mad")
    n = 768
    exponents = r.integers(1, 255, (3, n))
    close = np.stack([r.integers(100, 150, n), r.integers(100, 150, n), np.zeros(n, int)])
    close[2] = np.clip(close[0] + close[1] - 127 + r.integers(-28, 29, n), 1, 254)
    low = np.stack([r.integers(1, 80, n), r.integers(40, 80, n), np.zeros(n, int)])
    low[2] = np.clip(low[0] + low[1] - 127 + r.integers(-3, 4, n), 0, 20)
    for name, e in (("any-exponent", exponents), ("close-exponents", close), ("small", low)):
        word = (r.integers(0, 2, (3, n)) << 31 | e << 23 | r.integers(0, 1 << 23, (3, n)) &
                r.choice([0x7FFFFF, 0x600000, 0x7F0000, 0], (3, n)))
        out.add(f"sfpmad-{name}", "sfpmad", dict(zip("abc", map(words, word))), ["d"], n=n)
    out.add("sfpmad-specials", "sfpmad", dict(zip("abc", map(words, grid.T))), ["d"], n=len(grid))
    # Sums shifted right by 2, of products that are exact in 26 bits: Wormhole loses bit 1 of what falls off.
    x = np.stack([0x3FC00000 + r.integers(0, 1 << 22, n), 0x3FC00000 + r.integers(0, 1 << 22, n),
                  0x3F800000 + r.integers(0, 1 << 23, n)])
    x[:2] &= 0xFFFFFC00
    out.add("sfpmad-carry", "sfpmad", dict(zip("abc", map(words, x))), ["d"], n=n)
    # Products on a tie, beside an addend that is shifted out whole.
    y = np.stack([x[0], x[1], r.integers(0, 2, n) << 31 | r.integers(60, 95, n) << 23])
    out.add("sfpmad-vanishing", "sfpmad", dict(zip("abc", map(words, y))), ["d"], n=n)

    top = np.arange(128) << 16
    seeds = np.concatenate([0x3F800000 | top, 0xC0000000 | top | 0xFFFF, np.array(special), 0x00800000 | top,
                            0x7E000000 | top, 0x7E800000 | top, 0x7F000000 | top])
    out.add("sfparecip", "sfparecip", {"a": words(seeds)}, ["d"], n=len(seeds), arch_only="bh")
    ties = 0x3F800000 + (r.integers(0, 128, 512) << 16 | r.choice([0, 0x7FFF, 0x8000, 0x8001], 512))
    bits = np.concatenate([ties, ties | 0x80000000, np.array(special), r.integers(0, 1 << 32, 512)])
    out.add("sfp-fp32-to-bf16-rnd", "sfp_fp32_to_bf16_rnd", {"a": words(bits)}, ["d"], n=len(bits))
    out.add("sfpmad-wormhole-only", "sfpmad", dict(zip("abc", map(words, grid[:64].T))), ["d"], n=64, arch_only="wh")


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests" / "data" / "tensix"
    out = Folder()
    for make in (matmul_cases, elementwise_cases, copy_cases, pack_cases, sfpu_cases):
        make(out)
    out.write(folder)
    print(f"{len(out.cases)} cases, {len(out.data)} bytes in {folder}")


if __name__ == "__main__":
    main()
