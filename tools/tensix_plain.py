"""What a Tensix core computes, written a second time: plain integers in numpy, one step of the document after another.

Independent of src/firstlight/device/tensix on purpose; sections are those of shared/docs/tensix_numerics.md. Words are
fp32-style (s | e8 | m23) in uint32 arrays. `chip` is "wh" or "bh". As a program it checks a folder of vectors:

    tools/tensix_plain.py DIR
"""
import json
import pathlib
import sys

import numpy as np

I = np.int64


def fields(word):
    word = np.asarray(word).astype(I)
    return word >> 31 & 1, word >> 23 & 255, word & 0x7FFFFF


def join(sign, exponent, mantissa):
    return (sign << 31 | exponent << 23 | mantissa).astype(np.uint32)


# ---- 1, 3: tiles and unpacking ------------------------------------------------------------------------------------
TILE_BYTES = {"fp32": 4096, "bf16": 2048, "bfp8_b": 1088, "bfp4_b": 576, "bfp2_b": 320}
BFP_BITS = {"bfp8_b": 8, "bfp4_b": 4, "bfp2_b": 2}


def codes(blob, fmt):
    """Exponent of each datum's block, and its code, in datum order."""
    w = BFP_BITS[fmt]
    raw = np.frombuffer(blob, np.uint8).astype(I)
    exponents = np.repeat(raw[:64], 16)
    datum = np.arange(1024)
    per_byte = 8 // w
    return exponents, raw[64 + datum // per_byte] >> (datum % per_byte * w) & ((1 << w) - 1)


def unpack(blob, fmt, src):
    """L1 -> Src (or fp32 Dst for src == "fp32"), 1024 words in face order."""
    if fmt == "bf16":
        return np.frombuffer(blob, "<u2").astype(np.uint32) << np.uint32(16)
    if fmt == "fp32":
        word = np.frombuffer(blob, "<u4").astype(np.uint32)
        if src == "fp32":
            return word
        if src == "tf32":
            return word & np.uint32(0xFFFFE000)
        s, e, m = fields(word)
        return np.where(e == 0, join(s, e * 0, m * 0), join(s, e, m & 0x7F0000))
    exponent, code = codes(blob, fmt)
    w = BFP_BITS[fmt]
    code = code << (8 - w)  # bfp4 and bfp2: as a bfp8 code
    s, mag = code >> 7, code & 127
    lz = np.zeros_like(mag)
    for bit in range(6, -1, -1):
        lz = np.where((mag >> bit) == 0, 7 - bit, lz)
    e = (exponent - lz) % 256
    m6 = (mag << lz) & 63
    word = join(s, e, m6 << 17)
    return np.where(mag == 0, np.where(s == 1, 0xFF800000, 0), word).astype(np.uint32)


def matrix(words):
    """Face order -> [32, 32]."""
    return np.asarray(words).reshape(2, 2, 16, 16).transpose(0, 2, 1, 3).reshape(32, 32)


def faces(mat):
    return np.asarray(mat).reshape(2, 16, 2, 16).transpose(0, 2, 1, 3).reshape(1024)


def significand(word, src):
    """11-bit significand as the FPU reads it, sign, exponent."""
    s, e, m = fields(word)
    m10 = m >> 13
    if src != "tf32":
        m10 = m10 & ~7
    return s, e, 1024 | m10


# ---- 4.2: the shared adder ----------------------------------------------------------------------------------------
def half_away(x, d):
    """round_half_away(x / 2^d) of magnitudes, d >= 0."""
    d = np.minimum(d, 62)
    return np.where(d > 0, (x + (I(1) << np.maximum(d - 1, 0))) >> d, x)


def combine(terms, dst, fp32, chip):
    """terms: list of (neg, mag, E). dst: words. Returns words."""
    ds, de, dm = fields(dst)
    big = de
    for _, _, e in terms:
        big = np.maximum(big, e)
    total = np.zeros_like(de)
    for neg, mag, e in terms:
        d = big - e
        shift = np.clip(d, 1, 30)
        mag = np.where(d > 0, np.where(d < 31, (mag + (I(1) << (shift - 1)) - neg) >> shift, 0), mag)
        if not fp32:
            mag = (mag + 4096 - neg) & ~I(8191)
        total = total + np.where(neg == 1, -mag, mag)
    d = big - de
    shift = np.clip(d, 1, 30)
    mag = np.where(de > 0, 1 << 23 | dm, 0)
    mag = np.where(d > 0, np.where(d < 31, (mag + (I(1) << (shift - 1))) >> shift, 0), mag)
    if not fp32:
        mag = (mag + 4096) & ~I(8191)
    total = total + np.where(ds == 1, -mag, mag)

    sign = (total < 0).astype(I)
    mag = np.abs(total)
    keep = 24 if fp32 else 8
    length = np.zeros_like(mag)
    for bit in range(40):
        length = np.where(mag >> bit != 0, bit + 1, length)
    right = length - keep
    rounded = np.where(right > 0, half_away(mag, np.maximum(right, 0)), mag << np.maximum(-right, 0))
    carry = (rounded >> keep).astype(I)
    rounded = rounded >> carry
    e = big + length - 24 + carry
    if fp32 and chip == "wh":  # 4.3
        lost = total == -1
        e = np.where(lost, big + 4, e)
        rounded = np.where(lost, 1 << 23, rounded)
    m23 = (rounded << (24 - keep)) & 0x7FFFFF
    out = join(sign, np.clip(e, 0, 255), m23)
    out = np.where(e >= 255, join(sign, 255 + 0 * e, 0 * e), out)
    return np.where((total == 0) | (e <= 0) | (big <= 0), 0, out).astype(np.uint32)


# ---- 4.1, 4.4: matmul ---------------------------------------------------------------------------------------------
EXTRA = (0, 5, 7, 12)


def a5(sig, phase):
    return sig >> 6 & 31 if phase in (0, 2) else sig >> 1 & 31


def b7(sig, phase):
    return sig >> 4 & 127 if phase in (0, 1) else (sig & 15) << 3


def mvmul(dst, src_b, src_a, b_format, a_format, phase, fp32, chip):
    """dst [32, 32] += src_b [32, 16] @ src_a [16, 32], one phase."""
    sb, eb, mb = (x[:, :, None] for x in significand(src_b, b_format))
    sa, ea, ma = (x[None, :, :] for x in significand(src_a, a_format))
    zero = (ea == 0) | (eb == 0)
    ek = np.where(zero, 0, ea + eb - 127 - EXTRA[phase])
    pk = np.where(zero, 0, a5(ma, phase) * b7(mb, phase))
    sk = np.where(zero, 0, sa ^ sb)
    terms = []
    for group in (slice(0, 8), slice(8, 16)):
        top = ek[:, group].max(axis=1)
        d = np.minimum(top[:, None] - ek[:, group], 30)
        q = half_away(pk[:, group], d)
        s = np.where(sk[:, group] == 1, -q, q).sum(axis=1)
        alive = top > 0
        terms.append((np.where(alive & (s < 0), 1, 0), np.where(alive, np.abs(s) << 13, 0), np.where(alive, top, 0)))
    return combine(terms, dst, fp32, chip)


def matmul(dst, in0, in1, src0, src1, phases, fp32, chip):
    """in0, in1: lists of words in face order. dst in face order."""
    dst = matrix(dst)
    for x, w in zip(in0, in1):
        x, w = matrix(x), matrix(w)
        for phase in range(phases):
            for k in (0, 16):
                dst = mvmul(dst, x[:, k:k + 16], w[k:k + 16], src0, src1, phase, fp32, chip)
    return faces(dst)


# ---- 5: element-wise ----------------------------------------------------------------------------------------------
def broadcast(words, kind):
    mat = matrix(words)
    if kind == "col0":
        mat = np.repeat(mat[:, :1], 32, axis=1)
    elif kind == "row0":
        mat = np.repeat(mat[:1], 32, axis=0)
    elif kind == "scalar":
        mat = np.full_like(mat, mat[0, 0])
    return faces(mat)


def elwmul(dst, a, b, src0, src1, phases, fp32, chip):
    sa, ea, ma = significand(a, src0)
    sb, eb, mb = significand(b, src1)
    for phase in range(phases):
        e = ea + eb - 127 - EXTRA[phase]
        dead = (ea == 0) | (eb == 0) | (e <= 0)
        p = np.where(dead, 0, a5(ma, phase) * b7(mb, phase))
        neg = np.where((p > 0) & (sa != sb), 1, 0)
        dst = combine([(neg, p << 13, np.where(dead, 0, e))], dst, fp32, chip)
    return dst


def elwadd(dst, a, b, src0, src1, subtract, acc, fp32, chip):
    sa, ea, ma = significand(a, src0)
    sb, eb, mb = significand(b, src1)
    if subtract:
        sb = sb ^ 1
    sa, ma = np.where(ea == 0, 0, sa), np.where(ea == 0, 0, ma)
    sb, mb = np.where(eb == 0, 0, sb), np.where(eb == 0, 0, mb)
    swap = (eb > ea) | ((eb == ea) & (mb > ma))
    sa, sb = np.where(swap, sb, sa), np.where(swap, sa, sb)
    ea, eb = np.where(swap, eb, ea), np.where(swap, ea, eb)
    ma, mb = np.where(swap, mb, ma), np.where(swap, ma, mb)
    d = ea - eb
    mb = np.where(d < 12, half_away(mb, np.minimum(d, 12)), 0)
    total = np.where(sa == sb, ma + mb, ma - mb)
    # |a| >= |b| before the shift; rounding b up cannot make it larger than a.
    term = (np.where(total > 0, sa, 0), np.abs(total) << 13, ea)
    return combine([term], dst if acc else np.zeros_like(dst), fp32, chip)


def copy(word, via, src, fp32, chip):
    s, e, m = fields(word)
    if via == "unpack_to_dst":
        return np.asarray(word, np.uint32)
    if via == "mova2d":
        return np.where(e == 0, 0, word).astype(np.uint32)
    zero = np.zeros(len(word), np.uint32)
    return elwadd(zero, word, zero, src, src, False, False, fp32, chip)


# ---- 7: the packer ------------------------------------------------------------------------------------------------
def early(word, fp32, middle):
    s, e, m = fields(word)
    word = np.asarray(word, np.uint32).astype(I)
    if middle == "fp32":
        return word.astype(np.uint32)
    word = np.where((e == 255) & (m != 0), s << 31 | 0x7F800000, word)
    if middle == "bf16":
        if fp32:
            keep = (word & 0x7F800000) == 0x7F800000
            word = np.where(keep, word, word + 0x8000)
        word = word & 0xFFFF0000
    else:
        half = word >> 16
        keep = (half & 0x7F80) == 0x7F80
        half = np.where(keep, half, half + 1) & 0xFFFE
        word = half << 16
    return np.where(word & 0x7F800000 == 0, 0, word).astype(np.uint32)


def relu(word, mode, threshold, middle):
    value = np.asarray(word, np.uint32).astype(I)
    negative = value >> 31 == 1
    t = (I(threshold) << 16) - (I(threshold >> 15) << 32)  # compared as signed words
    if mode == 0:
        return np.asarray(word, np.uint32)
    if mode == 1:
        return np.where(negative, 0, value).astype(np.uint32)
    if mode == 2:
        return np.where(negative | (value <= t), 0, value).astype(np.uint32)
    shown = value & ~I(0x1FFF) if middle == "fp32" else value
    return np.where(negative, 0, np.where(shown > t, t & 0xFFFFFFFF, value)).astype(np.uint32)


def assemble(word, fmt):
    s, e, m = fields(word.reshape(64, 16))
    top = e.max(axis=1, keepdims=True)
    m8 = np.where(e > 0, 128 | m >> 16, 0)
    k = top - e
    q = np.where(k >= 8, 0, np.minimum((m8 + (1 << np.minimum(k, 8))) >> (np.minimum(k, 8) + 1), 127))
    w = BFP_BITS[fmt]
    q = q >> (8 - w)
    code = np.where(q > 0, s << (w - 1) | q, 0).reshape(1024)
    per_byte = 8 // w
    packed = np.zeros(1024 // per_byte, I)
    for lane in range(per_byte):
        packed |= code[lane::per_byte] << (lane * w)
    return np.concatenate([top.reshape(64), packed]).astype(np.uint8).tobytes()


def add_fp32(old, value):
    def flush(x):
        return np.where(np.asarray(x) & np.uint32(0x7F800000) == 0, x & np.uint32(0x80000000), x).astype(np.uint32)

    with np.errstate(all="ignore"):
        total = (flush(old).view(np.float32) + flush(value).view(np.float32)).view(np.uint32)
    total = np.where((total & 0x7FFFFFFF) > 0x7F800000, 0x7FC00000, total).astype(np.uint32)
    return flush(total)


def add_bf16(old, value):
    """Words with empty low halves."""
    out = np.zeros(len(old), np.uint32)
    for i, (l1, v) in enumerate(zip(np.asarray(old).tolist(), np.asarray(value).tolist())):
        def number(word, nan):
            s, e, m = word >> 31, word >> 23 & 255, word & 0x7FFFFF
            sign = -1.0 if s else 1.0
            if e == 0:
                return sign * 0.0
            if e == 255 and m == 0:
                return sign * float("inf")
            if e == 255:
                return sign * nan(m)
            return sign * (1 + m / 2**23) * 2.0**(e - 127)

        a = number(l1, lambda m: sys.float_info.max)
        b = number(v, lambda m: (1 + m / 2**23) * 2.0**128)
        if a in (float("inf"), -float("inf")) and b == -a:
            out[i] = 0x7FC00000
            continue
        out[i] = double_to_bf16(a + b)
    return out


def double_to_bf16(x):
    bits = int(np.float64(x).view(np.uint64))
    s, e, m = bits >> 63, bits >> 52 & 2047, bits & (1 << 52) - 1
    if e == 2047:
        return s << 31 | 0x7F800000
    q, rest = m >> 45, m & (1 << 45) - 1
    e = e - 1023 + 127 if e else -1
    q += rest > 1 << 44 or (rest == 1 << 44 and q & 1)
    if q == 128:
        q, e = 0, e + 1
    if e <= 0:
        return s << 31
    if e >= 255:
        return s << 31 | 0x7F800000
    return s << 31 | e << 23 | q << 16


def pack(dst, fp32, fmt, middle, mode=0, threshold=0, l1=None):
    dst = np.asarray(dst, np.uint32)
    if not fp32:
        dst = dst & np.uint32(0xFFFF0000)
    word = relu(early(dst, fp32, middle), mode, threshold, middle)
    if fmt == "fp32":
        if l1 is not None:
            word = add_fp32(np.frombuffer(l1, "<u4"), word)
        return word.astype("<u4").tobytes()
    if fmt == "bf16":
        if l1 is not None:
            word = add_bf16(np.frombuffer(l1, "<u2").astype(np.uint32) << np.uint32(16), word)
        return (word >> np.uint32(16)).astype("<u2").tobytes()
    if middle == "fp32":
        word = word & np.uint32(0xFFFF0000)
        word = np.where(word & np.uint32(0x7F800000) == 0, 0, word).astype(np.uint32)
    return assemble(word, fmt)


# ---- 8: SFPU ------------------------------------------------------------------------------------------------------
def mad(a, b, c, chip):
    """One element. Where an operand is not finite, Wormhole lets its adder run and marks what comes out."""
    def is_nan(x):
        return x & 0x7FFFFFFF > 0x7F800000

    def is_inf(x):
        return x & 0x7FFFFFFF == 0x7F800000

    def is_zero(x):
        return x & 0x7F800000 == 0

    sp, sc, pe = (a ^ b) >> 31, c >> 31, (a >> 23 & 255) + (b >> 23 & 255) - 127
    true_inf = is_inf(a) or is_inf(b)
    lost = is_inf(a) and is_zero(b) or is_inf(b) and is_zero(a)
    infinite = true_inf or (not is_zero(a) and not is_zero(b) and pe >= 255)
    opposite = is_inf(c) and sp != sc
    if chip == "bh":
        if is_nan(a) or is_nan(b) or is_nan(c) or lost or true_inf and opposite:
            return 0x7FC00000
        if infinite and opposite:
            return c
    elif is_nan(a) or is_nan(b) or is_nan(c) or lost or infinite and opposite:
        payload = mad_finite(a, b, c, chip) & 0x7FFFFF if c >> 23 & 255 != 255 or not (is_zero(a) or is_zero(b) or pe < 0) else 0
        from_c = is_nan(c) and not (is_nan(a) or is_nan(b) or lost)
        return (sc if from_c else sp) << 31 | 0x7F800001 | payload
    if infinite:
        return sp << 31 | 0x7F800000
    return c if is_inf(c) else mad_finite(a, b, c, chip)


def mad_finite(a, b, c, chip):
    def sig(x):
        return 1 << 23 | x & 0x7FFFFF if x >> 23 & 255 else 0

    wh = chip == "wh"
    sp, sc, ec = (a ^ b) >> 31, c >> 31, c >> 23 & 255
    pe = min((a >> 23 & 255) + (b >> 23 & 255) - 127, 255)
    product = 8 * sig(a) * sig(b)
    p = product >> 23 | (product % (1 << 23) != 0)
    z = 8 * sig(c)
    if p == 0 or pe < 0:
        if z:
            return c
        return 0 if wh else (1 << 31 if sp and sc else 0)
    e = max(pe, ec)

    def shift(x, d):
        y = x >> d
        return y | 1 if y and y << d != x else y

    p, z = shift(p, e - pe), shift(z, e - ec)
    t = (-p if sp else p) + (-z if sc else z)
    if t == 0:
        return 0
    s, t = int(t < 0), abs(t)
    n = t.bit_length() - 27
    e += n
    if e >= 255:
        return s << 31 | 0x7F800000
    if wh:
        if e < 0:
            return 0
        r = t >> n | t & 1 if n > 0 else t << -n
    else:
        if e <= 0:
            n, e = n + 1, 0
        r = t >> n | ((t & (n | 1)) != 0) if n > 0 else t << -n
    u = (e << 23) + (r >> 3 & 0x7FFFFF)
    u += ((r & 7) + (u & 1)) > 4
    if u < 1 << 23:
        return 0 if wh else s << 31
    return s << 31 | u


def arecip(x):
    s, e, m = x >> 31, x >> 23 & 255, x & 0x7FFFFF
    if e == 0:
        return s << 31 | 0x7F800000
    if e >= 253:  # |x| >= 2^126; infinities and NaNs among them
        return s << 31
    k = m >> 16
    m7 = min(127, round(32768 / (128 + k + 0.5) - 128))
    return s << 31 | (253 - e) << 23 | m7 << 16


def to_bf16_rounded(x):
    s, e, m = x >> 31, x >> 23 & 255, x & 0x7FFFFF
    if e == 0:
        return 0
    if e == 255:
        return s << 31 | 0x7F800000
    return (x + 0x8000) & 0xFFFF0000


# ---- the manifest -------------------------------------------------------------------------------------------------
def run(case, blob, chip):
    """Output blobs of a case by name; `blob(name)` gives an input's bytes."""
    op = case["op"]
    words = lambda name: np.frombuffer(blob(name), "<u4").astype(np.uint32)
    if op in ("sfpmad", "sfparecip", "sfp_fp32_to_bf16_rnd"):
        a = words("a").tolist()
        if op == "sfpmad":
            out = [mad(x, y, z, chip) for x, y, z in zip(a, words("b").tolist(), words("c").tolist())]
        else:
            out = [(arecip if op == "sfparecip" else to_bf16_rounded)(x) for x in a]
        return {"d": np.array(out, np.uint32).astype("<u4").tobytes()}
    fp32 = bool(case["fp32_acc"])
    dst = words("dst_preload") if "dst_preload" in case["in"] else np.zeros(1024, np.uint32)
    if not fp32:
        dst = dst & np.uint32(0xFFFF0000)
    if op == "matmul":
        in0 = [unpack(blob(f"in0_{k}"), case["in0"], case["src0"]) for k in range(case["kt"])]
        in1 = [unpack(blob(f"in1_{k}"), case["in1"], case["src1"]) for k in range(case["kt"])]
        dst = matmul(dst, in0, in1, case["src0"], case["src1"], case["phases"], fp32, chip)
    elif op in ("elwmul", "elwadd", "elwsub"):
        a = unpack(blob("in0"), case["in0"], case["src0"])
        b = broadcast(unpack(blob("in1"), case["in1"], case["src1"]), case["bcast"])
        if op == "elwmul":
            dst = elwmul(dst, a, b, case["src0"], case["src1"], case["phases"], fp32, chip)
        else:
            dst = elwadd(dst, a, b, case["src0"], case["src1"], op == "elwsub", case["acc"], fp32, chip)
    elif op == "copy":
        dst = copy(unpack(blob("in0"), case["in0"], case["src0"]), case["via"], case["src0"], fp32, chip)
    out = {}
    for index, name in enumerate(case["out"]):
        if name == "dst":
            out[name] = np.asarray(dst).astype("<u4").tobytes()
            continue
        fmt, middle = name[len("pack_"):].split("_via_")
        l1 = blob(f"l1_{index}") if case.get("l1_acc") else None
        out[name] = pack(dst, fp32, fmt, middle, case.get("relu", 0), case.get("relu_threshold_bf16", 0), l1)
    return out


def check(folder):
    folder = pathlib.Path(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    failed = 0
    for case in manifest["cases"]:
        data = (folder / case["file"]).read_bytes()
        take = lambda place: data[place[0]:place[0] + place[1]]
        for chip in ("wh", "bh"):
            if case.get("arch_only", chip) != chip:
                continue
            got = run(case, lambda name: take(case["in"][name]), chip)
            for name, place in case["out"].items():
                want = take(place[chip] if isinstance(place, dict) else place)
                if got[name] != want:
                    size = 1 if "bfp" in name else 2 if name.startswith("pack_bf16") else 4
                    x, y = (np.frombuffer(b, f"<u{size}") for b in (got[name], want))
                    at = int(np.flatnonzero(x != y)[0])
                    print(f"case {case['id']} {case['op']} {chip} {name}: {int((x != y).sum())} differ, first at {at}: "
                          f"{int(x[at]):0{2 * size}x}, expected {int(y[at]):0{2 * size}x}")
                    failed += 1
    print(f"{len(manifest['cases'])} cases, {failed} outputs differ")
    return failed


if __name__ == "__main__":
    sys.exit(1 if check(sys.argv[1]) else 0)
