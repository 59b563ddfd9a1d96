#!/usr/bin/env python3
"""Golden bytes for the format room: a second implementation in exact rational arithmetic, slow and plain.

It shares no code and no trick with src/firstlight/format: values are Fractions, rounding is Python's own round() (half to
even), bytes are built from integers. The rule is that of section 2 of the Tensix numerics notes (host packing of block
floats in tt-metal); the layout is section 1 there.

    python3 tools/block_float_plain.py          rewrites tests/data/format_golden.json
    python3 tools/block_float_plain.py --check  fails when the committed file differs
"""

import argparse
import json
import pathlib
import random
import struct
import sys
from fractions import Fraction

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "format_golden.json"
MAGNITUDE_BITS = {"bfp8": 7, "bfp4": 3, "bfp2": 1}
LARGEST_F32 = Fraction(2**24 - 1) * Fraction(2) ** 104


def field(word):
    return (word >> 23) & 0xFF


def magnitude(word):
    """|x| of an f32 word, its exponent field taken as an ordinary binade even when it is 255."""
    if field(word) == 0:
        return Fraction(word & 0x7FFFFF) * Fraction(2) ** -149
    return Fraction(0x800000 | (word & 0x7FFFFF)) * Fraction(2) ** (field(word) - 150)


def encode_block(words, bits):
    """16 f32 words -> (shared exponent, 16 codes)."""
    shared = max(field(word) for word in words)
    codes = []
    for word in words:
        grid = Fraction(2) ** (shared - 150)  # one unit of the shared 24-bit significand
        cut = magnitude(word) // grid if field(word) != 0 else 0
        rounded = round(Fraction(cut, 2 ** (24 - bits)))
        rounded = min(rounded, 2**bits - 1)
        codes.append(0 if rounded == 0 else (word >> 31) << bits | rounded)
    return shared, codes


def pack_codes(codes, bits):
    """Codes in order, each in the lowest free bits."""
    stream = 0
    for index, code in enumerate(codes):
        stream |= code << (index * (bits + 1))
    return stream.to_bytes(len(codes) * (bits + 1) // 8, "little")


def decode_code(shared, code, bits):
    """One code -> f32 word."""
    sign = (code >> bits) << 31
    value = Fraction(code & (2**bits - 1)) * Fraction(2) ** (shared - 127 - (bits - 1))
    if value < Fraction(2) ** -126:
        return sign
    value = min(value, LARGEST_F32)
    exponent = 0
    while value >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while value < Fraction(2) ** exponent:
        exponent -= 1
    significand = value / Fraction(2) ** (exponent - 23)
    assert significand.denominator == 1
    return sign | (exponent + 127) << 23 | (int(significand) - 2**23)


def encode_row(words, name):
    """A row of f32 words -> bytes: the exponents of all blocks, then all codes."""
    words = words + [0] * (-len(words) % 16)
    exponents, codes = [], []
    for begin in range(0, len(words), 16):
        shared, block = encode_block(words[begin : begin + 16], MAGNITUDE_BITS[name])
        exponents.append(shared)
        codes += block
    return bytes(exponents) + pack_codes(codes, MAGNITUDE_BITS[name])


def nearest_even(word, candidate, value_of):
    """Of two neighbouring patterns, the one whose value is nearer to |word|; a tie goes to the even pattern."""
    below, above = candidate(0), candidate(1)
    x = magnitude(word)
    down, up = x - value_of(below), value_of(above) - x
    if down != up:
        return below if down < up else above
    return below if below % 2 == 0 else above


def to_bf16(word):
    if (word & 0x7FFFFFFF) > 0x7F800000:
        return 0x7FC0
    pattern = nearest_even(word, lambda up: ((word & 0x7FFFFFFF) >> 16) + up, lambda half: magnitude(half << 16))
    return (word >> 31) << 15 | pattern


def to_f16(word):
    if (word & 0x7FFFFFFF) > 0x7F800000:
        return 0x7E00
    try:
        return struct.unpack("<H", struct.pack("<e", struct.unpack("<f", struct.pack("<I", word))[0]))[0]
    except OverflowError:
        return (word >> 31) << 15 | 0x7C00


def tile_words(matrix, top, left):
    """The 1024 words of one tile in storage order: four 16x16 faces; outside the matrix there are zeros."""
    words = []
    for face_row, face_col in ((0, 0), (0, 16), (16, 0), (16, 16)):
        for r in range(16):
            for c in range(16):
                row, col = top + face_row + r, left + face_col + c
                inside = row < len(matrix) and col < len(matrix[0])
                words.append(matrix[row][col] if inside else 0)
    return words


def encode_tile(words, name):
    if name in MAGNITUDE_BITS:
        return encode_row(words, name)
    if name == "f32":
        return b"".join(struct.pack("<I", word) for word in words)
    convert = {"bf16": to_bf16, "f16": to_f16}[name]
    return b"".join(struct.pack("<H", convert(word)) for word in words)


def hex_words(words):
    return "".join(f"{word:08x}" for word in words)


def f32(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def word_of(sign, exponent, fraction):
    return sign << 31 | exponent << 23 | fraction


def block_inputs(rng):
    """(name, 16 words) for everything that has gone wrong in such a codec somewhere."""
    spread = lambda low, high: [
        word_of(rng.getrandbits(1), rng.randint(low, high), rng.getrandbits(23)) for _ in range(16)
    ]
    cases = [("zeros", [0] * 16), ("minus zeros", [0x80000000] * 16)]
    cases += [(f"random {n}", spread(120, 130)) for n in range(6)]
    cases += [(f"mixed magnitudes {n}", spread(90, 140)) for n in range(3)]
    cases += [(f"any bits {n}", [rng.getrandbits(32) for _ in range(16)]) for n in range(3)]
    for name, bits in MAGNITUDE_BITS.items():
        drop = 24 - bits
        # Around the ties of the format: one unit of the last place below, at and above half a step, after an even and
        # an odd code, in the shared binade and one below it.
        words = []
        for fraction in (0, 1 << drop if drop < 23 else 0):
            for nudge in (-1, 0, 1):
                half = (1 << 23 | fraction) + (1 << (drop - 1)) + nudge
                for gap in (0, 1):
                    words.append(word_of(gap, 127 - gap, half & 0x7FFFFF))
        cases.append((f"ties {name}", (words + [f32(1.0), f32(-1.5), f32(1.75), f32(0.5)])[:16]))
        # Saturation: everything from the largest code up to just under the next power of two.
        top = [word_of(k % 2, 130, 0x7FFFFF - (k << (drop - 3 if drop > 3 else 0)) % 0x800000) for k in range(16)]
        cases.append((f"saturation {name}", top))
    # Bits that the truncating shift loses would have broken a tie upward.
    sticky = [f32(1.0)]
    for gap in range(1, 16):
        sticky.append(word_of(gap % 2, 127 - gap, ((1 << 23 | 1 << 22) + 1) & 0x7FFFFF))
    cases.append(("sticky bits are lost", sticky))
    cases.append(("exponent 0", [rng.getrandbits(23) | rng.getrandbits(1) << 31 for _ in range(16)]))
    cases.append(("subnormals beside the least normals", [word_of(k % 2, k // 8, rng.getrandbits(23)) for k in range(16)]))
    for low in (1, 5, 20, 22, 23, 24, 25):
        cases.append((f"exponents up to {low}", [word_of(k % 2, max(0, low - k), rng.getrandbits(23)) for k in range(16)]))
    cases.append(("exponent 254", [word_of(k % 2, 254 - k // 2, 0x7FFFFF - k * 0x10000) for k in range(16)]))
    cases.append(("one infinity", [0x7F800000] + spread(200, 254)[1:]))
    cases.append(("minus infinity among small", [f32(0.5)] * 15 + [0xFF800000]))
    cases.append(("one NaN", spread(245, 254)[1:] + [0x7FC00000]))
    cases.append(("NaNs with payloads", [0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFC00000] + spread(250, 254)[4:]))
    cases.append(("one large, the rest gone", [f32(2.0**30)] + [f32(-1.0)] * 15))
    cases.append(("minus values that round to zero", [f32(1.0)] + [f32(-(2.0**-k)) for k in range(1, 16)]))
    return cases


def build():
    rng = random.Random(20240607)
    golden = {
        "about": "made by tools/block_float_plain.py; x: f32 words, 8 hex digits each; bytes: as they lie in memory",
        "blocks": [],
        "rows": [],
        "tiles": [],
    }
    for name, words in block_inputs(rng):
        case = {"name": name, "x": hex_words(words)}
        for format_name, bits in MAGNITUDE_BITS.items():
            shared, codes = encode_block(words, bits)
            case[format_name] = (bytes([shared]) + pack_codes(codes, bits)).hex()
            case[format_name + " back"] = hex_words(decode_code(shared, code, bits) for code in codes)
        golden["blocks"].append(case)
    for length in (1, 15, 16, 17, 40, 64):
        words = [word_of(rng.getrandbits(1), rng.randint(118, 130), rng.getrandbits(23)) for _ in range(length)]
        case = {"x": hex_words(words)}
        for format_name in MAGNITUDE_BITS:
            case[format_name] = encode_row(words, format_name).hex()
        golden["rows"].append(case)
    for rows, cols, names in ((35, 37, ("bfp8", "bfp4", "bfp2")), (18, 20, ("bf16", "f16", "f32"))):
        matrix = [
            [word_of(rng.getrandbits(1), rng.randint(96, 142), rng.getrandbits(23)) for _ in range(cols)]
            for _ in range(rows)
        ]
        case = {"rows": rows, "cols": cols, "x": hex_words(word for row in matrix for word in row)}
        for format_name in names:
            tiles = b""
            for top in range(0, rows, 32):
                for left in range(0, cols, 32):
                    tiles += encode_tile(tile_words(matrix, top, left), format_name)
            case[format_name] = tiles.hex()
        golden["tiles"].append(case)
    return json.dumps(golden, indent=1) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed file, write nothing")
    text = build()
    if parser.parse_args().check:
        if GOLDEN.read_text() != text:
            sys.exit(f"{GOLDEN} differs from what this script makes")
        return
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(text)


if __name__ == "__main__":
    main()
