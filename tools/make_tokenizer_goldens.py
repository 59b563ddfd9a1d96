#!/usr/bin/env python3
"""Writes tests/data/tokenizers/: small tokenizers made with Hugging Face `tokenizers`, and what that library does with
difficult text, so that byte-level BPE and the pipeline's parts are tested without any published tokenizer.

  byte_level/tokenizer.json, tokenizer_config.json, cases.json   trained on models/eval/tale-of-two-cities.txt
  pipelines.json                                                 one tiny tokenizer a combination of parts

Run from the root of the checkout: python tools/make_tokenizer_goldens.py
"""
import json
import pathlib
import random

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "data" / "tokenizers"
TEXT = (ROOT / "models" / "eval" / "tale-of-two-cities.txt").read_text()

# The split patterns that large byte-level vocabularies are published with.
SPLIT_CONTRACTIONS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                      r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SPLIT_CASE = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'d)?"
              r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

FIXED = [
    "", " ", "a", "  two  spaces  ", "\ttab\nnew\n\n\nline\r\n", "I'm you're he'll THEY'VE 's 'S 'ſ", "1 12 123 1234 3.14",
    "naïve café cafe\u0301 Å A\u030a ﬁ ß İ ǅ", "漢字かなカナ한글", "emoji 😀👨\u200d👩\u200d👧🏽 flags 🇩🇪", "नमस्ते ที่ العربية עברית",
    "\u00a0nbsp\u2003em\u3000ideographic\u0085nel\u180emvs\u200bzwsp\ufeffbom", "½ Ⅷ ٣ ² ① 〇", "x\u0327\u0301\u0323 \u0301alone",
    "<|start|> hello <|end|>\n next<|start|><|end|>", "word sword word_ (word) wordword word", "\u1c89 \ua7cb \U00010d50 \U00011f04 \U0001cc00",
    "\x00\x01\x7f\x80", "▁under_score▁ Ġ", "a" * 60, " " * 17 + "b", "!?.,;: -- \"q\" «g» 。、", "The quick brown fox. It was the best of times",
]


def random_line(rng, added):
    pools = [
        lambda: chr(rng.randrange(32, 127)), lambda: " ", lambda: rng.choice("\t\n\r\x0b \u00a0\u2003\u3000\u0085\u200b\u180e\ufeff"),
        lambda: chr(rng.randrange(0xA0, 0x250)), lambda: chr(rng.randrange(0x300, 0x370)), lambda: chr(rng.randrange(0x370, 0x1100)),
        lambda: chr(rng.randrange(0x4E00, 0x9FFF)), lambda: chr(rng.randrange(0xAC00, 0xD7A3)), lambda: chr(rng.randrange(0x1F300, 0x1FAFF)),
        lambda: chr(rng.choice([rng.randrange(1, 0xD800), rng.randrange(0xE000, 0x110000)])),
        lambda: rng.choice(["'s", "'LL", "don't", " the", "Hello", "1234", "½", "▁", "Ġ", "İ", "é", "th"]),
        lambda: rng.choice([" ", "\n", "a", "_"]) + rng.choice(added) + rng.choice([" ", "\n", "a", "_", "  "]),
    ]
    chosen = rng.sample(pools, rng.randrange(1, 5))
    return "".join(rng.choice(chosen)() for _ in range(rng.randrange(1, 18)))


def cases(tokenizer, seed, count):
    rng = random.Random(seed)
    config = json.loads(tokenizer.to_str())
    added = [token["content"] for token in config["added_tokens"]] or ["x"]
    # `tokenizers` 0.23 gives the normalised form of a `normalized` added token when it decodes, so that special ones
    # are not skipped; decoding is taken from a copy where none is normalised, as older releases had it.
    for token in config["added_tokens"]:
        token["normalized"] = False
    decoding = Tokenizer.from_str(json.dumps(config))
    out = []
    for text in FIXED + [random_line(rng, added) for _ in range(count)]:
        tokenizer.encode_special_tokens = False
        ids = tokenizer.encode(text).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        entry = {"text": text, "ids": ids, "decoded": decoding.decode(ids, skip_special_tokens=False)}
        if plain != ids:
            entry["plain_ids"] = plain
        skipped = decoding.decode(ids, skip_special_tokens=True)
        if skipped != entry["decoded"]:
            entry["decoded_without_special"] = skipped
        out.append(entry)
    vocabulary = sorted(tokenizer.get_vocab(True).values())
    for _ in range(count // 4):
        ids = [rng.choice(vocabulary) for _ in range(rng.randrange(1, 10))]
        out.append({"ids": ids, "decoded": decoding.decode(ids, skip_special_tokens=False)})
    return out


def train(model, normalizer, pre_tokenizer, decoder, post, vocabulary, special, alphabet, size, added=()):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder:
        tokenizer.decoder = decoder
    affixes = {k: v for k, v in model.items() if k in ("continuing_subword_prefix", "end_of_word_suffix")}
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, special_tokens=special,
                                  initial_alphabet=alphabet, limit_alphabet=max(150, len(alphabet)), **affixes)
    tokenizer.train_from_iterator(vocabulary, trainer)
    config = json.loads(tokenizer.to_str())  # byte pieces belong to the vocabulary, not to the added tokens
    config["added_tokens"] = [t for t in config["added_tokens"] if not t["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(config))
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    if post:
        tokenizer.post_processor = post
    return tokenizer


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def byte_level():
    folder = OUT / "byte_level"
    tokenizer = train({}, None, pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel(),
                      processors.ByteLevel(trim_offsets=False), TEXT.split("\n"), ["<|start|>"],
                      pre_tokenizers.ByteLevel.alphabet(), 1000,
                      [AddedToken("<|end|>", special=True, rstrip=True, normalized=False),
                       AddedToken("word", single_word=True, normalized=True)])
    write(folder / "tokenizer.json", json.loads(tokenizer.to_str()))
    write(folder / "tokenizer_config.json", {"bos_token": "<|start|>", "eos_token": {"content": "<|end|>"}, "pad_token": None})
    write(folder / "cases.json", {"made_with": f"tokenizers {tokenizers.__version__}", "cases": cases(tokenizer, 1, 120)})


def pipelines():
    text = [line for line in TEXT[:12000].split("\n") if line] + FIXED
    byte_alphabet = pre_tokenizers.ByteLevel.alphabet()
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    added = [AddedToken("<A>", special=True, normalized=False), AddedToken("<b>", lstrip=True, normalized=False),
             AddedToken("<c>", rstrip=True, normalized=True), AddedToken("word", single_word=True, normalized=False),
             AddedToken("<A><A>", normalized=False), AddedToken("  ", normalized=False, rstrip=True, lstrip=True),
             AddedToken("HeLLo", normalized=True), AddedToken("Éa", normalized=True, single_word=True, special=True)]
    unknown = {"unk_token": "<unk>"}
    plain_byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    metaspace_model = {"unk_token": "<unk>", "byte_fallback": True, "fuse_unk": True}
    n, p, d = normalizers, pre_tokenizers, decoders
    template = processors.TemplateProcessing(single="<unk> $A <unk>:1", pair="$A $B", special_tokens=[("<unk>", 0)])

    rows = [
        ("byte level, prefix space", {}, None, p.ByteLevel(add_prefix_space=True), d.ByteLevel(), template, byte_alphabet),
        ("contractions, ignore_merges", {"ignore_merges": True}, None,
         p.Sequence([p.Split(Regex(SPLIT_CONTRACTIONS), "isolated"), plain_byte_level]), d.ByteLevel(),
         processors.Sequence([processors.ByteLevel(), template]), byte_alphabet),
        ("NFC, case split, removed inverted", {}, n.NFC(),
         p.Sequence([p.Split(Regex(SPLIT_CASE), "removed", invert=True), plain_byte_level]), d.ByteLevel(), None, byte_alphabet),
        ("NFKD lowercase accents strip", {"fuse_unk": True, **unknown},
         n.Sequence([n.NFKD(), n.Lowercase(), n.StripAccents(), n.Strip()]),
         p.Sequence([p.Whitespace(), p.Digits(False), p.Punctuation("contiguous")]), None, None, []),
        ("NFKC, NFD, replace", unknown, n.Sequence([n.NFKC(), n.NFD(), n.Replace(Regex("(?:a|é)+b?"), "_"), n.Replace("th", "")]),
         p.Sequence([p.WhitespaceSplit(), p.Digits(True), p.Punctuation("merged_with_previous")]),
         d.Sequence([d.Replace(Regex("_+"), "-"), d.Strip("e", 0, 1)]), None, []),
        ("metaspace always", metaspace_model, None, p.Metaspace("▁", "always", True), d.Metaspace("▁", "always", True), None, []),
        ("metaspace first, unsplit", metaspace_model, n.Strip(True, False), p.Metaspace("▁", "first", False),
         d.Metaspace("▁", "first", False), None, []),
        ("metaspace never", metaspace_model, None, p.Metaspace("▁", "never", True), d.Metaspace("▁", "never", True), None, []),
        ("prepend, no pre-tokenizer", metaspace_model, n.Sequence([n.Prepend("▁"), n.Replace(" ", "▁")]), None,
         d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)]), template, []),
        ("subword prefix", {"continuing_subword_prefix": "##", **unknown}, None, p.Whitespace(), d.Fuse(), None, []),
        ("word suffix", {"end_of_word_suffix": "</w>", **unknown}, n.Lowercase(), p.Whitespace(), d.Fuse(), None, []),
    ]
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        rows.append((f"split {behavior}", unknown, None,
                     p.Sequence([p.Split(Regex(r"\s|[aeiou]+|x*"), behavior), p.Split("th", behavior, invert=True)]), d.Fuse(), None, []))
    out = []
    for name, model, normalizer, pre_tokenizer, decoder, post, alphabet in rows:
        special = ["<unk>"] + (bytes_ if model.get("byte_fallback") else [])
        tokenizer = train(model, normalizer, pre_tokenizer, decoder, post, text, special, alphabet, len(special) + max(300, len(alphabet) + 40), added)
        out.append({"name": name, "tokenizer": json.loads(tokenizer.to_str()), "cases": cases(tokenizer, len(out), 16)})
    write(OUT / "pipelines.json", {"made_with": f"tokenizers {tokenizers.__version__}", "pipelines": out})


byte_level()
pipelines()
