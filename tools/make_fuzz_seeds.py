#!/usr/bin/env python3
"""Writes tests/fuzz/corpus: small valid inputs from which the fuzzers of io start. Run it from the checkout."""
import json
import pathlib
import struct
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"


def seed(target: str, name: str, data: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def safetensors(tensors: list[tuple[str, str, list[int], int]], metadata=None) -> bytes:
    """tensors: (name, dtype, shape, bytes)."""
    header, offset = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, size in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(i % 251 for i in range(offset))


def safetensors_seeds() -> None:
    seed("fuzz_safetensors", "empty", safetensors([]))
    seed("fuzz_safetensors", "two", safetensors([("a", "BF16", [2], 4), ("b", "F32", [2, 3], 24)], {"format": "pt"}))
    seed("fuzz_safetensors", "odd", safetensors([("u", "U8", [1], 1), ("f", "F64", [2], 16), ("z", "I64", [0, 3], 0)]))
    seed("fuzz_safetensors", "others", safetensors([("q", "U32", [1], 4), ("h", "F8_E4M3", [3], 3), ("s", "F16", [], 2)]))


def config_seeds() -> None:
    for model in ("phi3-nano",):
        for name in ("config.json", "generation_config.json"):
            seed("fuzz_config", f"{model}.{name}", (ROOT / "models" / model / name).read_bytes())
    common = {"max_position_embeddings": 4096, "rope_theta": 10000.0}
    settings = {
        "linear": {"type": "linear", "factor": 2.0},
        "dynamic": {"rope_type": "dynamic", "factor": 4},
        "banded": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                   "original_max_position_embeddings": 1024},
        "yarn": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 32, "beta_slow": 1, "mscale": 0.7,
                 "mscale_all_dim": 0.7, "truncate": False, "attention_factor": 1.1},
        "long": {"type": "su", "short_factor": [1.0, 1.1], "long_factor": [1.0, 8.0]},
    }
    for name, scaling in settings.items():
        seed("fuzz_config", name, json.dumps({**common, "rope_scaling": scaling}).encode())
        seed("fuzz_config", f"{name}-new", json.dumps({**common, "rope_parameters": scaling}).encode())
    seed("fuzz_config", "by-layer-type", json.dumps(
        {**common, "rope_parameters": {"full_attention": settings["yarn"], "sliding_attention": settings["linear"],
                                       "none": None}}).encode())


def refpt_seeds() -> None:
    golden = ROOT / "tests" / "data" / "io"
    for name in ("small.refpt", "state.pt", "deflated.refpt"):
        seed("fuzz_refpt", name, (golden / name).read_bytes())
        with zipfile.ZipFile(golden / name) as archive:  # the pickle alone
            pickle = next(entry for entry in archive.namelist() if entry.endswith("data.pkl"))
            seed("fuzz_refpt", f"{name}.pkl", archive.read(pickle))


def tokenizer_file_seeds() -> None:
    """The first byte picks the reader (fuzz_tokenizer_files.cpp)."""
    golden = ROOT / "tests" / "data" / "tokenizers" / "files"
    text = "\x1ethe caf\u00e9 <u> th 12".encode()
    for number in range(6):
        seed("fuzz_tokenizer_files", f"sentencepiece-{number}", b"s" + (golden / "sentencepiece" / f"{number}.model").read_bytes() + text)
    ranks = (golden / "tiktoken" / "tokenizer.model").read_bytes().split(b"\n")
    seed("fuzz_tokenizer_files", "ranks", b"t" + b"\n".join(ranks[:300]) + text)
    rows = (golden / "rwkv" / "rwkv_vocab_small.txt").read_bytes().split(b"\n")
    seed("fuzz_tokenizer_files", "world", b"w" + b"\n".join(rows[30:60] + rows[-16:]) + text)
    for name in ("GPT2Tokenizer", "Qwen2Tokenizer", "CLIPTokenizer"):
        suffix = "</w>" if name.startswith("CLIP") else ""
        vocab = {p: i for i, p in enumerate(["t", "h", "e" + suffix, "th", "the" + suffix, "<|startoftext|>", "<|endoftext|>"])}
        parts = [json.dumps(vocab), f"#version: 0.2\nt h\nth e{suffix}\n", json.dumps({"tokenizer_class": name})]
        seed("fuzz_tokenizer_files", name, b"v" + "\x1e".join(parts).encode() + text)


def main() -> None:
    safetensors_seeds()
    config_seeds()
    refpt_seeds()
    tokenizer_file_seeds()


if __name__ == "__main__":
    main()
