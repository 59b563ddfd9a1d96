#!/usr/bin/env python3
"""Writes src/firstlight/text/unicode_tables.cpp: where the Unicode of Hugging Face `tokenizers` differs from ours.

`tokenizers` mixes libraries of several Unicode ages (Oniguruma, Rust's std, older crates), so that "is a letter" or
"is punctuation" depends on who asks. This script asks `tokenizers` about every code point and PCRE2 and utf8proc
through ctypes, and writes the answers, or the differences, as ranges. Run it with the versions that tests pin:
  python tools/make_unicode_tables.py > src/firstlight/text/unicode_tables.cpp
"""
import ctypes
import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So".split()


def pcre2_matches(pattern):
    lib = ctypes.CDLL("libpcre2-8.so.0")
    lib.pcre2_compile_8.restype = ctypes.c_void_p
    lib.pcre2_match_data_create_8.restype = ctypes.c_void_p
    error, offset = ctypes.c_int(), ctypes.c_size_t()
    utf_ucp = 0x00080000 | 0x00020000
    code = ctypes.c_void_p(lib.pcre2_compile_8(pattern.encode(), ctypes.c_size_t(len(pattern)), utf_ucp,
                                               ctypes.byref(error), ctypes.byref(offset), None))
    assert code, pattern
    data = ctypes.c_void_p(lib.pcre2_match_data_create_8(4, None))
    found = set()
    for c in CODE_POINTS:
        text = chr(c).encode()
        if lib.pcre2_match_8(code, text, ctypes.c_size_t(len(text)), ctypes.c_size_t(0), 0, data, None) > 0:
            found.add(c)
    return found


def hf_regex_matches(pattern):
    remove = normalizers.Replace(Regex(pattern), "")
    found = set()
    for i in range(0, len(CODE_POINTS), 4096):
        chunk = CODE_POINTS[i:i + 4096]
        left = set(remove.normalize_str("".join(map(chr, chunk))))
        found.update(c for c in chunk if chr(c) not in left)
    return found


def utf8proc():
    lib = ctypes.CDLL("libutf8proc.so.2")
    lib.utf8proc_map.argtypes = [ctypes.c_char_p, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]
    lib.utf8proc_map.restype = ctypes.c_ssize_t
    return lib


def utf8proc_map(lib, text, options):
    out = ctypes.c_void_p()
    data = text.encode()
    size = lib.utf8proc_map(data, len(data), ctypes.byref(out), options)
    return ctypes.string_at(out, size).decode()


def ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def write_ranges(name, comment, points):
    rows = ["{0x%X, 0x%X}" % (a, b) for a, b in ranges(points)]
    print(f"// {comment}\nconstexpr CodeRange {name}Rows[] = {{")
    write_wrapped(rows)
    print(f"}};\nconst std::span<const CodeRange> {name} = {name}Rows;\n")


def write_wrapped(rows):
    line = "   "
    for row in rows:
        if len(line) + len(row) + 2 > 118:
            print(line)
            line = "   "
        line += f" {row},"
    print(line)


def splits(pre_tokenizer):
    return {c for c in CODE_POINTS if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "a")) > 1}


def charsmap(key, value):
    """A compiled sentencepiece character map of one single-byte key (a darts double array and the values' text)."""
    def unit(offset=0, label=0, leaf=False):
        return offset << 10 | int(leaf) << 8 | label
    # Unit 0 is the root; its children stand at offset ^ label; a key's end is a leaf unit that holds the value's place.
    base = 256
    units = [0] * 1024
    units[0] = unit(offset=base)
    child = base ^ key
    units[child] = unit(offset=512 ^ child, label=key, leaf=True)
    units[512] = 1 << 31  # value 0
    array = b"".join(u.to_bytes(4, "little") for u in units)
    return len(array).to_bytes(4, "little") + array + value.encode() + b"\0"


def same_grapheme_as_a():
    """Code points that unite with a letter before them: HF replaces a whole grapheme when its first byte is mapped."""
    probe = normalizers.Precompiled(charsmap(ord("a"), "b"))
    return {c for c in CODE_POINTS if c and probe.normalize_str("a" + chr(c)) == "b"}


def scripts():
    """Runs of code points that the UnicodeScripts pre-tokenizer takes as one script; 0 is any script."""
    splitter = pre_tokenizers.UnicodeScripts()
    splits = lambda a, b: len(splitter.pre_tokenize_str(chr(a) + chr(b))) > 1
    # A code point of any script gives no piece by itself.
    none = {c for c in CODE_POINTS if not splitter.pre_tokenize_str(chr(c))}
    rows, representatives = [], []
    for c in CODE_POINTS:
        if c in none:
            continue
        if rows and rows[-1][1] == c - 1 and not splits(c - 1, c):
            rows[-1][1] = c
            continue
        script = next((i for i, r in enumerate(representatives) if not splits(r, c)), None)
        if script is None:
            script = len(representatives)
            representatives.append(c)
        rows.append([c, c, script + 1])
    return rows


def main():
    print("// GENERATED by tools/make_unicode_tables.py from `tokenizers` "
          f"{tokenizers.__version__}: code points by the classes that library uses.")
    print("// clang-format off")
    print('#include "firstlight/text/unicode_tables.h"\n\nnamespace firstlight::text {\n')

    whitespace = pre_tokenizers.Whitespace()
    word = {c for c in CODE_POINTS if len(whitespace.pre_tokenize_str("a" + chr(c) + "a")) == 1}
    write_ranges("kWord", "\\w of Rust's regex: what single_word and the Whitespace pre-tokenizer see.", word)
    write_ranges("kNumeric", "Rust's char::is_numeric: the Digits pre-tokenizer.",
                 splits(pre_tokenizers.Digits(individual_digits=True)))
    write_ranges("kPunctuation", "What the Punctuation pre-tokenizer splits at.",
                 splits(pre_tokenizers.Punctuation("isolated")))
    strip = normalizers.StripAccents()
    write_ranges("kMark", "What StripAccents removes.", {c for c in CODE_POINTS if not strip.normalize_str(chr(c))})

    lib = utf8proc()
    stable, compat, compose, decompose = 2, 4, 8, 16
    forms = [(normalizers.NFD(), stable | decompose), (normalizers.NFC(), stable | compose)]
    compat_forms = [(normalizers.NFKD(), stable | decompose | compat), (normalizers.NFKC(), stable | compose | compat)]
    probes = ["%s", "a\u0300%s", "a\u0323%s", "a%s\u0334", "a\u0345%s"]

    def differs(forms):
        return {c for c in CODE_POINTS if c and any(n.normalize_str(p % chr(c)) != utf8proc_map(lib, p % chr(c), o)
                                                    for n, o in forms for p in probes)}

    canonical = differs(forms) | {0x11930, 0x11935}  # the two halves of U+11938, which is too young as well
    write_ranges("kTooYoung", "Assigned or given a combining class after the normalisation forms' Unicode: left alone.",
                 canonical)
    write_ranges("kTooYoungCompatibility", "The same for NFKC and NFKD.", differs(compat_forms) | canonical)

    nfd = normalizers.NFD()
    bert_marks = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    write_ranges("kNonspacingMark", "What BertNormalizer strips as accents.",
                 {c for c in CODE_POINTS if not bert_marks.normalize_str(chr(c)) and nfd.normalize_str(chr(c)) == chr(c)})
    bert_clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    write_ranges("kBertRemoved", "What BertNormalizer cleans away.",
                 {c for c in CODE_POINTS if not bert_clean.normalize_str(chr(c))})

    united = same_grapheme_as_a()
    old = {c for c in CODE_POINTS if c and not lib.utf8proc_grapheme_break(ord("a"), c)}
    write_ranges("kExtendYoung", "Extends a grapheme in `tokenizers`, but not in utf8proc 2.8.", united - old)
    assert not old - united, "a table for what only utf8proc unites would be needed"

    print("// Scripts of the UnicodeScripts pre-tokenizer, numbered as they come; what is in no row is of any script.")
    print("constexpr ScriptRange kScriptRows[] = {")
    write_wrapped(["{0x%X, 0x%X, %d}" % tuple(row) for row in scripts()])
    print("};\nconst std::span<const ScriptRange> kScript = kScriptRows;\n")

    lower = normalizers.Lowercase()
    rows = []
    for c in CODE_POINTS:
        mapped = lower.normalize_str(chr(c))
        if mapped != chr(lib.utf8proc_tolower(c)) and len(mapped) == 1:
            rows.append("{0x%X, 0x%X}" % (c, ord(mapped)))
    print("// Lower-case pairs that utf8proc 2.8 lacks (U+0130, which becomes two characters, is in unicode.cpp).")
    print("constexpr CodePair kLowerRows[] = {")
    write_wrapped(rows)
    print("};\nconst std::span<const CodePair> kLower = kLowerRows;\n")

    print("// Code points with a general category in Oniguruma (Unicode 16) and none in PCRE2 10.42 (Unicode 14).")
    print("constexpr CategoryRange kYoungRows[] = {")
    rows = []
    for category in CATEGORIES:
        young = hf_regex_matches(r"\p{%s}" % category) - pcre2_matches(r"\p{%s}" % category)
        rows += ['{"%s", 0x%X, 0x%X}' % (category, a, b) for a, b in ranges(young)]
    young = hf_regex_matches(r"\p{Han}") - pcre2_matches(r"\p{sc:Han}")
    rows += ['{"Han", 0x%X, 0x%X}' % (a, b) for a, b in ranges(young)]
    young = hf_regex_matches(r"\w") - pcre2_matches(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]")
    rows += ['{"word", 0x%X, 0x%X}' % (a, b) for a, b in ranges(young)]
    young = hf_regex_matches(r"\p{Alpha}") - pcre2_matches(r"\p{Alphabetic}")
    rows += ['{"alpha", 0x%X, 0x%X}' % (a, b) for a, b in ranges(young)]
    write_wrapped(rows)
    print("};\nconst std::span<const CategoryRange> kYoung = kYoungRows;\n\n}  // namespace firstlight::text")


if __name__ == "__main__":
    sys.exit(main())
