#!/usr/bin/env python3
"""Holds the program's token ids and texts to Hugging Face `tokenizers`, on fuzzed Unicode.

  /opt/flvenv/bin/python tools/tokenizer_parity.py --cases 10000 --seed 1 [--binary build/release/bin/firstlight]
      [--families llama-2,gpt2,...]   the published tokenizers under ../shared/data/tokenizers; --cases lines each
      [--random 200]                  random tokenizer.json files with every kind of component, trained on the spot

For each line: ids with and without the special tokens around the text, the decoded text with and without special
tokens; that streamed decoding equals whole decoding is checked by the program itself. Case I of seed S is always the
same. A missed case is printed; the exit code is 1 when there is any.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

os.environ.setdefault("RUST_BACKTRACE", "0")  # panics of the library are expected, and many
ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ.get("FIRSTLIGHT_SHARED", ROOT.parent / "shared")) / "data" / "tokenizers"


def code_point(rng):
    low, high = rng.choice([(1, 0x80), (0x80, 0x250), (0x250, 0x800), (0x800, 0x3000), (0x3000, 0xD800), (0xE000, 0x10000),
                            (0x10000, 0x20000), (0x1F300, 0x1FB00), (0x20000, 0x32400), (0xE0000, 0xE0200), (1, 0x110000)])
    c = rng.randrange(low, high)
    return chr(c) if not 0xD800 <= c < 0xE000 else "\ud7ff"


WORDS = ("the of and to in was Hello World It's don't THEY'LL we've I'M he'd 's 'S 'ſ naïve café cafe\u0301 Straße İstanbul "
         "ﬁne Å A\u030a ½ Ⅷ ① ٣٤ 12 123 1234 12345 3.14 1,000 $5 50% (a) [b] {c} x=1; // -> == != <s> </s> <unk> <pad> [UNK] [CLS] "
         "<|endoftext|> <|im_start|> <|eot_id|> <|user|> [INST] ▁ ▁the Ġ Ġthe Ċ </w> ## ##ing <0x0A> <0xE6> 漢字 かな カナ 한글 日本語 中文 नमस्ते ที่ "
         "العربية עברית Привет мир 😀 👨\u200d👩\u200d👧 🏽 🇩🇪 © ® ™ ©\u200d® e\u0301\u0323 \u0301 don't do not n't 'm 're , . ? !").split(" ")
SPACES = [" "] * 12 + ["  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\u00a0", "\u2003", "\u3000", "\u0085", "\u200b", "\u180e", "\ufeff",
                       "\x0b", "\x0c", "\u2028", ""]


def fuzzed_line(rng, extra):
    """Words, random code points, white space of all kinds, pieces of the vocabulary and added tokens."""
    kind = rng.random()
    parts = []
    for _ in range(rng.randrange(1, 12)):
        draw = rng.random()
        if kind < 0.15 or draw < 0.12:
            parts.append("".join(code_point(rng) for _ in range(rng.randrange(1, 6))))
        elif draw < 0.22 and extra:
            parts.append(rng.choice(extra))
        elif draw < 0.30:
            parts.append("".join(chr(rng.randrange(32, 127)) for _ in range(rng.randrange(1, 9))))
        elif draw < 0.34:
            parts.append(rng.choice("aZ0 .-_é漢\n▁") * rng.randrange(1, 40))
        else:
            parts.append(rng.choice(WORDS))
        parts.append(rng.choice(SPACES))
    return "".join(parts)


def program_answers(binary, path, requests):
    """One answer a request, or the program's error as a string."""
    text = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([binary, "tokenize", str(path), "--lines"], input=text.encode(), capture_output=True)
    if done.returncode != 0:
        return done.stderr.decode(errors="replace").strip()
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]


def decoding_copy(tokenizer):
    """`tokenizers` 0.23 decodes an added token that is `normalized` to its normalised form, and does not skip special
    ones that change by it; releases before, and the published cases, give the token itself. So does this copy."""
    from tokenizers import Tokenizer
    config = json.loads(tokenizer.to_str())
    for token in config["added_tokens"]:
        token["normalized"] = False
    return Tokenizer.from_str(json.dumps(config))


def expected(tokenizer, request, decoder):
    """What `tokenizers` makes of it; {"error"} where it refuses; nothing where it panics, which is its own defect."""
    try:
        if "ids" in request:
            ids = request["ids"]
        else:
            ids = tokenizer.encode(request["text"], add_special_tokens=request["special"]).ids
    except Exception as error:
        return {"error": str(error)}
    except BaseException as error:
        if not is_panic(error):
            raise
        return {}
    want = {"ids": ids}
    for key, skip in (("text", False), ("text_without_special", True)):
        try:
            want[key] = decoder.decode(ids, skip_special_tokens=skip)
        except BaseException as error:  # some decoders panic on tokens shorter than what they strip
            if not is_panic(error):
                raise
    return want


def is_panic(error):
    """Rust's panics are none of Python's ordinary exceptions."""
    return type(error).__name__ == "PanicException"


def compare(binary, path, tokenizer, requests, name, show):
    """Number of misses."""
    got = program_answers(binary, path, requests)
    if isinstance(got, str):
        print(f"{name}: {got}")
        return len(requests)
    misses, decoder = 0, decoding_copy(tokenizer)
    for request, answer in zip(requests, got, strict=True):
        want = expected(tokenizer, request, decoder)
        if not want:  # nothing to compare with
            continue
        if "error" in want or "error" in answer:
            same = "error" in want and "error" in answer
        else:
            same = all(answer[key] == want[key] for key in want)
        if same:
            continue
        misses += 1
        if misses <= show:
            print(f"{name}: {json.dumps(request)}")
            for key in ("error", *want):
                if answer.get(key) != want.get(key):
                    print(f"   {key}: ours {str(answer.get(key))[:300]!r}\n   {' ' * len(key)}   HF {str(want.get(key))[:300]!r}")
    return misses


def requests_for(tokenizer, rng, count):
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    pieces = rng.sample(sorted(vocabulary), min(300, len(vocabulary)))
    ids = sorted(vocabulary.values())
    requests = []
    for i in range(count):
        if i % 8 == 7:
            requests.append({"ids": [rng.choice(ids) for _ in range(rng.randrange(1, 20))]})
        else:
            requests.append({"text": fuzzed_line(rng, added + pieces), "special": rng.random() < 0.5})
    return requests


# ---- random tokenizers ----

def sometimes(rng, chance, make):
    return make() if rng.random() < chance else None


OWN_MAP = [False]  # published maps, which are large, are left out


def random_charsmap(rng):
    """A character map as sentencepiece compiles it, from random rules or published ones."""
    import sentencepiece
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.tsv"
        sources = {}
        for _ in range(rng.randrange(3, 60)):
            source = "".join(code_point(rng) for _ in range(rng.choice([1, 1, 1, 2, 3])))
            sources[source] = "".join(code_point(rng) for _ in range(rng.randrange(0, 4)))
        sources["é"], sources["e\u0301"], sources["①"], sources["A"] = "e", "E", "1", "aa"
        hexes = lambda text: " ".join(f"{ord(c):X}" for c in text)
        rules.write_text("".join(f"{hexes(a)}\t{hexes(b)}\n" for a, b in sources.items()))
        corpus = pathlib.Path(folder) / "corpus.txt"
        corpus.write_text("a b c d e f g h\n" * 40)
        name = "user" if OWN_MAP[0] else rng.choice(["user", "user", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf"])
        how = {"normalization_rule_tsv": str(rules)} if name == "user" else {"normalization_rule_name": name}
        sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=f"{folder}/m", vocab_size=12,
                                                 model_type="char", minloglevel=2, **how)
        return charsmap_of((pathlib.Path(folder) / "m.model").read_bytes())


def fields_of(message):
    """The fields of a protocol buffer, as (number, value)."""
    def varint(at):
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value, at
    at = 0
    while at < len(message):
        tag, at = varint(at)
        if tag & 7 == 2:
            size, at = varint(at)
            yield tag >> 3, message[at:at + size]
            at += size
        elif tag & 7 == 0:
            value, at = varint(at)
            yield tag >> 3, value
        else:
            size = 4 if tag & 7 == 5 else 8
            yield tag >> 3, message[at:at + size]
            at += size


def charsmap_of(model):
    normalizer = next(value for number, value in fields_of(model) if number == 3)
    return next(value for number, value in fields_of(normalizer) if number == 2)


PATTERNS = [r"\s+", r"\p{L}+|\p{N}", r"[^\s\p{L}\p{N}]+", r"\d{1,3}", r"(?i:the|'s|ing)", r"\w+|[^\w\s]+", r"[aeiou]", r"x*", r"\p{Lu}\p{Ll}*",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]


def random_normalizer(rng, depth=0):
    from tokenizers import Regex, normalizers as n
    flag = lambda: rng.random() < 0.5
    makers = [n.NFC, n.NFD, n.NFKC, n.NFKD, n.Lowercase, n.StripAccents, n.Nmt, n.ByteLevel, lambda: n.Strip(flag(), flag()),
              lambda: n.Replace(rng.choice([" ", "th", "e", "▁", "\n", "é"]), rng.choice(["", "_", "▁", " ", "xy"])),
              lambda: n.Replace(Regex(rng.choice(PATTERNS[:9] + [" {2,}", "^a", "(a|b)+"])), rng.choice(["", "_", " "])),
              lambda: n.Prepend(rng.choice(["▁", "_", "ab"])), lambda: n.Precompiled(random_charsmap(rng)),
              lambda: n.BertNormalizer(flag(), flag(), rng.choice([None, True, False]), flag())]
    if depth < 2 and rng.random() < 0.35:
        return n.Sequence([random_normalizer(rng, depth + 1) for _ in range(rng.randrange(0, 4))])
    return rng.choice(makers)()


def random_pre_tokenizer(rng, depth=0):
    from tokenizers import Regex, pre_tokenizers as p
    flag = lambda: rng.random() < 0.5
    scheme = lambda: rng.choice(["first", "never", "always"])
    makers = [p.Whitespace, p.WhitespaceSplit, p.BertPreTokenizer, p.UnicodeScripts, lambda: p.ByteLevel(flag(), use_regex=flag()),
              lambda: p.Metaspace(rng.choice("▁▁▁_é"), scheme(), flag()), lambda: p.Digits(flag()), lambda: p.Punctuation(rng.choice(BEHAVIORS)),
              lambda: p.CharDelimiterSplit(rng.choice("e -▁é")), lambda: p.FixedLength(rng.randrange(1, 9)),
              lambda: p.Split(rng.choice([" ", "th", "e", "▁", "\n"]), rng.choice(BEHAVIORS), flag()),
              lambda: p.Split(Regex(rng.choice(PATTERNS)), rng.choice(BEHAVIORS), flag())]
    if depth < 2 and rng.random() < 0.35:
        return p.Sequence([random_pre_tokenizer(rng, depth + 1) for _ in range(rng.randrange(0, 4))])
    return rng.choice(makers)()


def random_decoder(rng, depth=0):
    from tokenizers import Regex, decoders as d
    flag = lambda: rng.random() < 0.5
    makers = [d.ByteLevel, d.ByteFallback, d.Fuse, lambda: d.Metaspace(rng.choice("▁▁_"), rng.choice(["first", "never", "always"]), flag()),
              lambda: d.WordPiece(rng.choice(["##", "", "e"]), flag()), lambda: d.BPEDecoder(rng.choice(["</w>", "e", ""])),
              lambda: d.CTC(rng.choice(["<pad>", "e", "<unk>"]), rng.choice(["|", "a"]), flag()),
              lambda: d.Strip(rng.choice(" e▁"), rng.randrange(3), rng.randrange(3)),
              lambda: d.Replace(rng.choice(["▁", "e", "##"]), rng.choice([" ", "", "x"])), lambda: d.Replace(Regex(rng.choice(["_+", "[aeiou]", " {2,}"])), "-")]
    if depth < 2 and rng.random() < 0.4:
        return d.Sequence([random_decoder(rng, depth + 1) for _ in range(rng.randrange(1, 5))])
    return rng.choice(makers)()


def random_post_processor(rng, tokenizer):
    from tokenizers import processors as o
    ids = tokenizer.get_vocab(with_added_tokens=True)
    first, second = (rng.choice(sorted(ids)) for _ in range(2))
    pair = lambda name: (name, ids[name])
    return rng.choice([
        lambda: o.BertProcessing(pair(first), pair(second)), lambda: o.RobertaProcessing(pair(first), pair(second)),
        lambda: o.ByteLevel(trim_offsets=False),
        lambda: o.TemplateProcessing(single=rng.choice(["$A", "B $A", "$A E", "B $A:0 E:1", "B B $0 E E"]), pair="$A $B",
                                     special_tokens=[("B", ids[first]), ("E", ids[second])]),
        lambda: o.Sequence([o.ByteLevel(), o.TemplateProcessing(single="B $A", pair="$A $B", special_tokens=[("B", ids[first])])])])()


def random_tokenizer(rng, lines, sizes=(80, 700), own_map=False):
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
    OWN_MAP[0] = own_map
    kind = rng.choice(["BPE", "BPE", "Unigram", "WordPiece", "WordLevel"])
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    size = rng.randrange(*sizes)
    common = dict(vocab_size=size, show_progress=False, special_tokens=special)
    alphabet = pre_tokenizers.ByteLevel.alphabet() if rng.random() < 0.4 else []
    byte_pieces = [f"<0x{b:02X}>" for b in range(256)] if rng.random() < 0.3 else []
    if kind == "BPE":
        affixes = {}
        if rng.random() < 0.25:
            affixes["continuing_subword_prefix"] = rng.choice(["##", "@"])
        if rng.random() < 0.25:
            affixes["end_of_word_suffix"] = rng.choice(["</w>", "@@"])
        model = models.BPE(unk_token=rng.choice([None, "<unk>", "<unk>"]), fuse_unk=rng.random() < 0.5, byte_fallback=bool(byte_pieces),
                           ignore_merges=rng.random() < 0.3, **affixes)
        trainer = trainers.BpeTrainer(initial_alphabet=alphabet, limit_alphabet=rng.choice([60, 400]), **affixes, **common)
    elif kind == "Unigram":
        model = models.Unigram()
        trainer = trainers.UnigramTrainer(initial_alphabet=alphabet, unk_token="<unk>", **common)
    elif kind == "WordPiece":
        prefix = rng.choice(["##", "##", ""])
        model = models.WordPiece(unk_token="<unk>", max_input_chars_per_word=rng.choice([5, 20, 100]), continuing_subword_prefix=prefix)
        trainer = trainers.WordPieceTrainer(initial_alphabet=alphabet, continuing_subword_prefix=prefix or "##", **common)
    else:
        model = models.WordLevel(unk_token="<unk>")
        trainer = trainers.WordLevelTrainer(**common)
    tokenizer = Tokenizer(model)
    normalizer = sometimes(rng, 0.6, lambda: random_normalizer(rng))
    if normalizer:
        tokenizer.normalizer = normalizer
    pre_tokenizer = sometimes(rng, 0.85, lambda: random_pre_tokenizer(rng))
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(lines, trainer)
    config = json.loads(tokenizer.to_str())
    if byte_pieces and kind in ("BPE", "Unigram"):
        vocabulary = config["model"]["vocab"]
        for piece in byte_pieces:
            if kind == "BPE":
                vocabulary.setdefault(piece, len(vocabulary))
            elif piece not in [p for p, _ in vocabulary]:
                vocabulary.append([piece, -20.0])
        config["model"]["byte_fallback"] = True
        tokenizer = Tokenizer.from_str(json.dumps(config))
    flag = lambda chance=0.3: rng.random() < chance
    for _ in range(rng.randrange(0, 6)):
        content = rng.choice(["<A>", "<b>", "the", "  ", "word", "HeLLo", "Éa", "<A><A>", "é", "x\n", "[MASK]", " a"])
        token = AddedToken(content, single_word=flag(), lstrip=flag(), rstrip=flag(), normalized=flag(0.4), special=flag(0.5))
        if token.normalized and tokenizer.normalizer and not tokenizer.normalizer.normalize_str(content):
            continue  # `tokenizers` finds nothing between any two bytes, those of one character among them, and panics
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    decoder = sometimes(rng, 0.85, lambda: random_decoder(rng))
    if decoder:
        tokenizer.decoder = decoder
    if rng.random() < 0.5:
        tokenizer.post_processor = random_post_processor(rng, tokenizer)
    return kind, tokenizer


def run_random(options, seed, count):
    text = (ROOT / "models" / "eval" / "tale-of-two-cities.txt").read_text()[:30000].replace(", ", ",\n").split("\n")
    misses = 0
    for case in range(count):
        if options.case is not None and case != options.case:
            continue
        rng = random.Random(f"{seed}/{case}")
        lines = rng.sample(text, 150) + [fuzzed_line(rng, []) for _ in range(40)]
        try:
            kind, tokenizer = random_tokenizer(rng, lines)
            requests = requests_for(tokenizer, rng, options.lines)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            continue  # a combination that `tokenizers` itself cannot train
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tokenizer.json"
            path.write_text(tokenizer.to_str())
            missed = compare(options.binary, path, tokenizer, requests, f"random {case} ({kind})", 2)
            if missed:
                kept = pathlib.Path(tempfile.gettempdir()) / f"tokenizer_parity_{seed}_{case}.json"
                kept.write_text(path.read_text())
                print(f"random {case} ({kind}): {missed} of {len(requests)} missed; kept as {kept}")
            misses += missed
    print(f"random tokenizers: {count} of seed {seed}, {options.lines} lines each, {misses} missed")
    return misses


# ---- published tokenizers ----

class Reference:
    """What another program makes of text: `encode(text, special)` and `decode(ids, skip)`, where it has them."""

    def __init__(self, path, pieces, encode, decode=None, parse=True):
        self.path, self.pieces, self.encode, self.decode, self.parse = path, pieces, encode, decode, parse


def of_tokenizer(path, tokenizer):
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    decoder = decoding_copy(tokenizer)
    return Reference(path, added + sorted(tokenizer.get_vocab()),
                     lambda text, special: tokenizer.encode(text, add_special_tokens=special).ids,
                     lambda ids, skip: decoder.decode(ids, skip_special_tokens=skip))


def of_json(name):
    from tokenizers import Tokenizer
    return of_tokenizer(SHARED / name / "tokenizer.json", Tokenizer.from_file(str(SHARED / name / "tokenizer.json")))


def of_sentencepiece(path):
    """sentencepiece itself, which finds no special tokens in text and puts none around it."""
    import sentencepiece
    processor = sentencepiece.SentencePieceProcessor(str(SHARED / path))
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    return Reference(SHARED / path, pieces, lambda text, special: processor.encode(text), parse=False)


def of_class(folder, cls, files=("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"), root=SHARED):
    """A class of transformers on these files alone."""
    import shutil
    import transformers
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="tokenizer_parity_"))
    for name in files:
        if (root / folder / name).exists():
            shutil.copy(root / folder / name, scratch)
    tokenizer = getattr(transformers, cls).from_pretrained(scratch).backend_tokenizer
    reference = of_tokenizer(scratch, tokenizer)
    if hasattr(getattr(transformers, cls), "_wrap_decode_method_backend_tokenizer"):  # the class's own part of decoding
        reference.decode = lambda ids, skip: tokenizer.decode(ids, skip_special_tokens=skip)
    return reference


def of_ranks(folder, ranks_name, begins_with=None):
    """transformers' converter of rank files, with the added tokens of the config."""
    import base64
    from tokenizers import AddedToken, processors
    from transformers.convert_slow_tokenizer import TikTokenConverter
    rows = (line.split() for line in (SHARED / folder / ranks_name).read_bytes().splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in rows}
    TikTokenConverter.load_tiktoken_bpe = staticmethod(lambda path: ranks)
    tokenizer = TikTokenConverter(vocab_file=ranks_name).converted()
    listed = json.loads((SHARED / folder / "tokenizer_config.json").read_text())["added_tokens_decoder"]
    for index in sorted(map(int, listed)):
        flags = {key: value for key, value in listed[str(index)].items() if key != "__type"}
        while tokenizer.get_vocab_size() < index:  # ids that nothing uses
            tokenizer.add_tokens([AddedToken(f"<|unused {tokenizer.get_vocab_size()}|>", normalized=False)])
        (tokenizer.add_special_tokens if flags["special"] else tokenizer.add_tokens)([AddedToken(**flags)])
        assert tokenizer.token_to_id(flags["content"]) == index
    if begins_with:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begins_with} $A", pair="$A $B", special_tokens=[(begins_with, tokenizer.token_to_id(begins_with))])
    return of_tokenizer(SHARED / folder, tokenizer)


def of_world(path):
    import ast
    ids, pieces = {}, []
    for line in (SHARED / path).read_text().splitlines():
        piece = ast.literal_eval(line[line.index(" ") + 1:line.rindex(" ")])
        if isinstance(piece, str):
            pieces.append(piece)
            piece = piece.encode()
        ids[piece] = int(line[:line.index(" ")])
    longest = max(map(len, ids))

    def encode(text, special):
        data, out, at = text.encode(), [], 0
        while at < len(data):
            size = next(n for n in range(min(len(data) - at, longest), 0, -1) if data[at:at + n] in ids)
            out.append(ids[data[at:at + size]])
            at += size
        return out
    bytes_of = {index: piece for piece, index in ids.items()}
    return Reference(SHARED / path, pieces, encode, lambda out, skip: b"".join(bytes_of[i] for i in out).decode(errors="replace"))


FAMILIES = {
    **{name: (name, lambda name=name: of_json(name)) for name in ("llama-2", "phi-3", "gpt2", "clip", "t5")},
    "llama-2 tokenizer.model": ("llama-2", lambda: of_sentencepiece("llama-2/tokenizer.model")),
    "mistral-v3": ("mistral-v3", lambda: of_sentencepiece("mistral-v3/tokenizer.model.v3")),
    "llama-3": ("llama-3", lambda: of_ranks("llama-3", "tokenizer.model", "<|begin_of_text|>")),
    "phi-4": ("phi-4", lambda: of_ranks("phi-4", "cl100k_base.tiktoken")),
    "qwen2": ("qwen2", lambda: of_class("qwen2", "Qwen2Tokenizer")),
    "gpt2 merges": ("gpt2", lambda: of_class("gpt2", "GPT2Tokenizer")),
    "clip merges": ("../configs/stable-diffusion-v1-5/tokenizer", lambda: of_class(
        "configs/stable-diffusion-v1-5/tokenizer", "CLIPTokenizer", root=SHARED.parent)),
    "rwkv-world": ("rwkv-world", lambda: of_world("rwkv-world/rwkv_vocab_v20230424.txt")),
}


def compare_family(options, name, reference, seed):
    rng = random.Random(f"{seed}/{name}")
    extra = rng.sample(reference.pieces, min(400, len(reference.pieces))) + reference.pieces[:20]
    requests = [{"text": fuzzed_line(rng, extra), "special": reference.parse and rng.random() < 0.5, "parse": reference.parse}
                for _ in range(options.cases)]
    answers = program_answers(options.binary, reference.path, requests)
    if isinstance(answers, str):
        print(f"{name}: {answers}")
        return len(requests)
    misses = 0
    for request, answer in zip(requests, answers, strict=True):
        ids = reference.encode(request["text"], request["special"])
        want = {"ids": ids}
        if reference.decode:
            want.update(text=reference.decode(ids, False), text_without_special=reference.decode(ids, True))
        if all(answer.get(key) == want[key] for key in want):
            continue
        misses += 1
        if misses <= 3:
            print(f"{name}: {json.dumps(request)}")
            for key in want:
                if answer.get(key) != want[key]:
                    print(f"   {key}: ours {str(answer.get(key, answer))[:300]!r}\n   {' ' * len(key)}   other {str(want[key])[:300]!r}")
    return misses


def run_families(options, seed):
    misses = 0
    for name, (folder, make) in FAMILIES.items():
        if options.families is not None and name not in options.families.split(","):
            continue
        if not (SHARED / folder).exists():
            print(f"{name}: SKIPPED, no {SHARED / folder}")
            continue
        missed = compare_family(options, name, make(), seed)
        print(f"{name}: {options.cases} lines of seed {seed}, {missed} missed", flush=True)
        misses += missed
    return misses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000, help="lines a published family")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--binary", default=str(ROOT / "build" / "release" / "bin" / "firstlight"))
    parser.add_argument("--families", default=None, help="names separated by commas; none = no published one")
    parser.add_argument("--random", type=int, default=20, help="random tokenizers")
    parser.add_argument("--lines", type=int, default=60, help="lines a random tokenizer")
    parser.add_argument("--case", type=int, default=None, help="this random tokenizer alone")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    misses = run_families(options, seed) + run_random(options, seed, options.random)
    sys.exit(1 if misses else 0)


if __name__ == "__main__":
    main()
