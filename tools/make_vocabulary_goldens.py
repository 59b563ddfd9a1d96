#!/usr/bin/env python3
"""Writes tests/data/tokenizers/files/: small tokenizers as the older files hold them, and what their own libraries do.

  sentencepiece/N.model, cases.json   trained with `sentencepiece`, ids by `sentencepiece`
  tiktoken, qwen2, gpt2, clip         ranks, or vocab.json and merges.txt; ids by the classes of transformers
  rwkv                                a world vocabulary of our own; ids by the plain greedy rule
  components.json                     random tokenizer.json files of every kind of component (tokenizer_parity.py)

Run from the root of the checkout: python tools/make_vocabulary_goldens.py
"""
import base64
import json
import pathlib
import random
import shutil
import tempfile

import sentencepiece
import tokenizers
import transformers
from transformers.convert_slow_tokenizer import TikTokenConverter

import tokenizer_parity as parity

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "data" / "tokenizers" / "files"
TEXT = (ROOT / "models" / "eval" / "tale-of-two-cities.txt").read_text()[:30000]
MADE_WITH = f"tokenizers {tokenizers.__version__}, transformers {transformers.__version__}, sentencepiece {sentencepiece.__version__}"


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def lines(rng, extra, count=40):
    return [parity.fuzzed_line(rng, extra) for _ in range(count)] + ["", " ", "  a  b  ", "\u2581x", "a" * 70]


def sentencepiece_models():
    folder = OUT / "sentencepiece"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = [
        dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
        dict(model_type="bpe", user_defined_symbols=["<u>", "th", "日本"], control_symbols=["<c>"], normalization_rule_name="identity"),
        dict(model_type="unigram", byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=False),
        dict(model_type="unigram", user_defined_symbols=["<u>", "the"], normalization_rule_tsv=True),
        dict(model_type="bpe", normalization_rule_tsv=True, treat_whitespace_as_suffix=True),
        dict(model_type="unigram", normalization_rule_name="identity", split_by_whitespace=False, allow_whitespace_only_pieces=True,
             remove_extra_whitespaces=False),
    ]
    out = []
    for i, row in enumerate(rows):
        with tempfile.TemporaryDirectory() as scratch:
            if row.get("normalization_rule_tsv"):
                rules = pathlib.Path(scratch) / "rules.tsv"
                rules.write_text("41\t61\nE9\t65\n65 301\t45 20\n2460\t31\nA0\t20\n200B\t\n3000\t20\nFB01\t66 69\n")
                row["normalization_rule_tsv"] = str(rules)
            corpus = pathlib.Path(scratch) / "corpus.txt"
            corpus.write_text(TEXT + "\ncafé naïve 日本語 漢字 Привет 123 456\n" * 5)
            size = 420 if row.get("byte_fallback") else 160
            sentencepiece.SentencePieceTrainer.train(input=str(corpus), model_prefix=f"{scratch}/m", vocab_size=size,
                                                     character_coverage=0.999, minloglevel=2, hard_vocab_limit=False, **row)
            shutil.copy(f"{scratch}/m.model", folder / f"{i}.model")
        processor = sentencepiece.SentencePieceProcessor(str(folder / f"{i}.model"))
        rng = random.Random(i)
        texts = lines(rng, [processor.id_to_piece(rng.randrange(processor.get_piece_size())) for _ in range(30)])
        out.append({"file": f"{i}.model", "cases": [{"text": t, "ids": processor.encode(t)} for t in texts]})
    write(folder / "cases.json", {"made_with": MADE_WITH, "models": out})


def class_cases(tokenizer, seed):
    rng = random.Random(seed)
    added = [token.content for token in tokenizer.added_tokens_decoder.values()]
    texts = lines(rng, added + rng.sample(sorted(tokenizer.get_vocab()), 40))
    return [{"text": t, "ids": tokenizer.encode(t), "decoded": tokenizer.backend_tokenizer.decode(tokenizer.encode(t), skip_special_tokens=False)}
            for t in texts]


def train_byte_level(suffix=""):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE(**({"end_of_word_suffix": suffix} if suffix else {})))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if suffix:
        tokenizer.normalizer = normalizers.Lowercase()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=700, show_progress=False, initial_alphabet=alphabet,
                                  **({"end_of_word_suffix": suffix} if suffix else {}))
    tokenizer.train_from_iterator(TEXT.split("\n"), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocab = model["vocab"]
    for character in alphabet:  # what CLIP's own vocabulary has for a byte at a word's end
        if suffix:
            vocab.setdefault(character + suffix, len(vocab))
    return vocab, [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]


def byte_level_classes():
    from transformers import CLIPTokenizer, GPT2Tokenizer, Qwen2Tokenizer
    for name, cls, suffix in (("gpt2", GPT2Tokenizer, ""), ("qwen2", Qwen2Tokenizer, ""), ("clip", CLIPTokenizer, "</w>")):
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        vocab, merges = train_byte_level(suffix)
        if name != "qwen2":  # Qwen's vocab.json leaves its special tokens to the other files
            for token in ("<|startoftext|>", "<|endoftext|>") if name == "clip" else ("<|endoftext|>",):
                vocab[token] = len(vocab)
        write(folder / "vocab.json", vocab)
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
        config = {"tokenizer_class": cls.__name__}
        if name == "qwen2":
            config["added_tokens_decoder"] = {str(len(vocab) + i): {
                "content": c, "lstrip": False, "rstrip": i == 2, "normalized": False, "single_word": False, "special": i < 2}
                for i, c in enumerate(("<|endoftext|>", "<|im_start|>", "<tool>"))}
            config.update(eos_token="<|im_start|>", pad_token="<|endoftext|>", unk_token=None, bos_token=None)
        if name == "gpt2":
            config["add_prefix_space"] = True
        write(folder / "tokenizer_config.json", config)
        write(folder / "cases.json", {"made_with": MADE_WITH, "cases": class_cases(cls.from_pretrained(folder), 5)})


def tiktoken():
    folder = OUT / "tiktoken"
    folder.mkdir(parents=True, exist_ok=True)
    vocab, _ = train_byte_level()
    from transformers.convert_slow_tokenizer import bytes_to_unicode
    byte_of = {c: b for b, c in bytes_to_unicode().items()}
    ranks = {bytes(byte_of[c] for c in piece): rank for piece, rank in vocab.items()}
    (folder / "tokenizer.model").write_text("".join(f"{base64.b64encode(t).decode()} {r}\n" for t, r in ranks.items()))
    special = ["<|begin|>", "<|end|>"]
    write(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin|>", "added_tokens_decoder": {
        str(len(vocab) + i): {"content": c, "special": True, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False}
        for i, c in enumerate(special)}})
    TikTokenConverter.load_tiktoken_bpe = staticmethod(lambda path: ranks)
    tokenizer = TikTokenConverter(vocab_file="x", extra_special_tokens=special).converted()
    rng = random.Random(3)
    texts = lines(rng, special + rng.sample(sorted(vocab), 40))
    write(folder / "cases.json", {"made_with": MADE_WITH, "cases": [
        {"text": t, "ids": tokenizer.encode(t).ids, "decoded": tokenizer.decode(tokenizer.encode(t).ids, skip_special_tokens=False)} for t in texts]})


def rwkv():
    folder = OUT / "rwkv"
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [bytes([b]) for b in range(256)]
    pieces += [w.encode() for w in ("the", " the", "ing", "th", " t", "'s", '"', "\\n", "\n\n", "é", "日本", "日", "\t\t", "it's \"a\"", "\u2028")
               if w.encode() not in pieces]
    rows = []
    for i, piece in enumerate(pieces):
        try:
            literal = repr(piece.decode())
        except UnicodeDecodeError:
            literal = repr(piece)
        rows.append(f"{i + 1} {literal} {len(piece)}\n")
    (folder / "rwkv_vocab_small.txt").write_text("".join(rows))
    ids = {piece: i + 1 for i, piece in enumerate(pieces)}

    def encode(text):
        data, out = text.encode(), []
        while data:
            size = next(n for n in range(min(len(data), 20), 0, -1) if data[:n] in ids)
            out.append(ids[data[:size]])
            data = data[size:]
        return out
    texts = lines(random.Random(9), ["the", " the", "日本語", "it's \"a\"", "\n\n\n"])
    write(folder / "cases.json", {"made_with": "this script", "cases": [{"text": t, "ids": encode(t), "decoded": t} for t in texts]})


def components():
    rows, case = [], 0
    text = TEXT[:12000].replace(", ", ",\n").split("\n")
    seen = set()
    while case < 90:
        case += 1
        rng = random.Random(f"golden/{case}")
        try:
            kind, tokenizer = parity.random_tokenizer(rng, rng.sample(text, 60), sizes=(60, 160), own_map=True)
            requests = parity.requests_for(tokenizer, rng, 12)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            continue
        config = json.loads(tokenizer.to_str())
        # Only tokenizers that add a kind of component.
        types = {f"{part}:{t}" for part in ("normalizer", "pre_tokenizer", "decoder", "post_processor") for t in types_of(config.get(part))}
        if types | {kind} <= seen:
            continue
        seen |= types | {kind}
        decoder = parity.decoding_copy(tokenizer)
        answers = [parity.expected(tokenizer, request, decoder) for request in requests]
        rows.append({"name": f"{case} {kind}", "tokenizer": config,
                     "cases": [{**request, "expected": answer} for request, answer in zip(requests, answers)]})
    print(sorted(seen))
    write(OUT / "components.json", {"made_with": MADE_WITH, "tokenizers": rows})


def types_of(value):
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value["type"]
        for inner in value.values():
            yield from types_of(inner)
    if isinstance(value, list):
        for inner in value:
            yield from types_of(inner)


if __name__ == "__main__":
    sentencepiece_models()
    byte_level_classes()
    tiktoken()
    rwkv()
    components()
