#!/usr/bin/env python3
"""Measures encoding on one core: the program beside Hugging Face `tokenizers`, the same text in the same run.

  /opt/flvenv/bin/python tools/bench_tokenizers.py [--binary build/release/bin/firstlight] [--seconds 1]

The text is models/eval/tale-of-two-cities.txt, ten times over with its lines shuffled: about 600 kB. Each side encodes
it as one string until --seconds have passed; the best run counts. Prints a Markdown table.
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


def other_rate(reference, text, seconds):
    best, begin = 0.0, time.perf_counter()
    while best == 0.0 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        ids = reference.encode(text, True)
        best = max(best, len(text.encode()) / 1e6 / (time.perf_counter() - start))
    return best, ids


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build" / "release" / "bin" / "firstlight"))
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    text = sample()
    print("| tokenizer | Firstlight MB/s | HF tokenizers MB/s | ratio |\n|---|---|---|---|")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        for label, family in ROWS:
            folder, make = parity.FAMILIES[family]
            if not (parity.SHARED / folder).exists():
                print(f"| {label} | SKIPPED, no {folder} | | |")
                continue
            reference = make()
            theirs, ids = other_rate(reference, text, options.seconds)
            command = [options.binary, "tokenize", str(reference.path), "--time", file.name, "--json"]
            ours = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            assert ours["tokens"] == len(ids), (label, ours["tokens"], len(ids))
            rate = ours["megabytes_per_s"]
            print(f"| {label} | {rate:.1f} | {theirs:.2f} | {rate / theirs:.1f} |", flush=True)


if __name__ == "__main__":
    main()
