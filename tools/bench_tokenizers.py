#!/usr/bin/env python3
"""Measures encoding on one core: the program beside Hugging Face `tokenizers`, the same text in the same run.

  /opt/flvenv/bin/python tools/bench_tokenizers.py [--binary build/release/bin/firstlight] [--seconds 1] [--text FILE]

The text is FILE, by default models/eval/tale-of-two-cities.txt ten times over with its lines shuffled: 600 kB. Each side encodes
it until --seconds have passed, the program as one string, `tokenizers` as one string and line by line, of which the faster
counts. Two runs count: the first, when no word is known yet, and the best. Prints a Markdown table.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizer_parity as parity  # noqa: E402: after the environment

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = [("byte-level BPE, GPT-2's split", "gpt2"), ("byte-level BPE, up to three digits a word (Llama 3)", "llama-3"),
        ("byte-level BPE, single digits, NFC (Qwen2)", "qwen2"), ("sentencepiece BPE as tokenizer.json (Llama 2)", "llama-2"),
        ("the same with added tokens (Phi-3)", "phi-3"), ("Unigram (T5)", "t5")]


def sample():
    paragraphs = (ROOT / "models" / "eval" / "tale-of-two-cities.txt").read_text().split("\n")
    rng = random.Random(1)
    parts = []
    for _ in range(10):
        rng.shuffle(paragraphs)
        parts.append("\n".join(paragraphs))
    return "\n".join(parts)


def other_rates(make, text, seconds):
    """MB/s of the first run and of the best, and the text's ids."""
    lines, megabytes, first, best = text.split("\n"), len(text.encode()) / 1e6, 0.0, 0.0
    for encode in (lambda reference: [reference.encode(line, True) for line in lines][-1],
                   lambda reference: reference.encode(text, True)):
        reference, begin, rates = make(), time.perf_counter(), []
        while not rates or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            ids = encode(reference)
            rates.append(megabytes / (time.perf_counter() - start))
        first, best = max(first, rates[0]), max(best, *rates)
    return first, best, ids


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build" / "release" / "bin" / "firstlight"))
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--text", type=pathlib.Path)
    options = parser.parse_args()
    text = options.text.read_text(encoding="utf-8-sig") if options.text else sample()
    print("| tokenizer | Firstlight MB/s: first, best | HF tokenizers MB/s: first, best | ratio: first, best |\n|---|---|---|---|")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        for label, family in ROWS:
            folder, make = parity.FAMILIES[family]
            if not (parity.SHARED / folder).exists():
                print(f"| {label} | SKIPPED, no {folder} | | |")
                continue
            first, best, ids = other_rates(make, text, options.seconds)
            command = [options.binary, "tokenize", str(make().path), "--time", file.name, "--json"]
            ours = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            assert ours["tokens"] == len(ids), (label, ours["tokens"], len(ids))
            our_first, our_best = ours["first_megabytes_per_s"], ours["megabytes_per_s"]
            print(f"| {label} | {our_first:.1f}, {our_best:.1f} | {first:.2f}, {best:.2f} | {our_first / first:.1f}, "
                  f"{our_best / best:.1f} |", flush=True)


if __name__ == "__main__":
    main()
