#!/usr/bin/env python3
"""Turns a llama2.c checkpoint (version 0) and its tokenizer into a Hugging Face folder. Needs Python alone.

python3 tools/llama2c_to_hf.py stories260K.bin tok512.bin OUT

Formats: export.py and run.c of karpathy/llama2.c. The queries and keys there rotate neighbouring pairs; Hugging Face rotates
halves, so the rows of wq and wk are put in that order.
"""

import array
import json
import struct
import sys
from pathlib import Path

BYTE_TOKENS = 256
FIRST_BYTE = 3  # after <unk>, <s>, </s>


class Reader:
    """Float32 matrices one after the other."""

    def __init__(self, path):
        self.path, self.data, self.at = path, Path(path).read_bytes(), 0

    def integers(self, count):
        if self.at + 4 * count > len(self.data):
            sys.exit(f"llama2c_to_hf: {self.path} ends at byte {len(self.data)}, within its header")
        values = struct.unpack_from(f"<{count}i", self.data, self.at)
        self.at += 4 * count
        return values

    def floats(self, count):
        end = self.at + 4 * count
        if end > len(self.data):
            sys.exit(f"llama2c_to_hf: {self.path} has {len(self.data)} bytes; {end} are needed")
        values = self.data[self.at : end]
        self.at = end
        return values


def halves(matrix, heads, width):
    """Rows of each head: 0, 2, 4 ... then 1, 3, 5 ... `matrix` is bytes of [heads * head_dim, width]."""
    row = 4 * width
    head_dim = len(matrix) // row // heads
    order = [head * head_dim + pair for head in range(heads)
             for pair in (*range(0, head_dim, 2), *range(1, head_dim, 2))]
    return b"".join(matrix[index * row : (index + 1) * row] for index in order)


def read_model(path):
    """config.json, and tensors as name -> (shape, little-endian f32 bytes)."""
    file = Reader(path)
    dim, hidden, layers, heads, kv_heads, vocab, positions = file.integers(7)
    shared, vocab = vocab > 0, abs(vocab)
    if min(dim, hidden, layers, heads, kv_heads, vocab, positions) < 1 or dim % heads or heads % kv_heads:
        sys.exit(f"llama2c_to_hf: {path} is no version 0 checkpoint: dim {dim}, heads {heads}, KV heads {kv_heads}")
    kv_dim = dim // heads * kv_heads
    tensors = {"model.embed_tokens.weight": ((vocab, dim), file.floats(vocab * dim))}

    def each_layer(name, rows, columns=None, change=lambda values: values):
        shape = (rows,) if columns is None else (rows, columns)
        for layer in range(layers):
            values = change(file.floats(rows * (columns or 1)))
            tensors[f"model.layers.{layer}.{name}.weight"] = (shape, values)

    each_layer("input_layernorm", dim)
    each_layer("self_attn.q_proj", dim, dim, lambda values: halves(values, heads, dim))
    each_layer("self_attn.k_proj", kv_dim, dim, lambda values: halves(values, kv_heads, dim))
    each_layer("self_attn.v_proj", kv_dim, dim)
    each_layer("self_attn.o_proj", dim, dim)
    each_layer("post_attention_layernorm", dim)
    each_layer("mlp.gate_proj", hidden, dim)
    each_layer("mlp.down_proj", dim, hidden)
    each_layer("mlp.up_proj", hidden, dim)
    tensors["model.norm.weight"] = ((dim,), file.floats(dim))
    file.floats(positions * (dim // heads))  # tables of cos and sin
    if not shared:
        tensors["lm_head.weight"] = ((vocab, dim), file.floats(vocab * dim))
    if file.at != len(file.data):
        sys.exit(f"llama2c_to_hf: {path} has {len(file.data) - file.at} bytes more than its header says")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocab, "hidden_size": dim,
              "intermediate_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
              "num_key_value_heads": kv_heads, "max_position_embeddings": positions, "rms_norm_eps": 1e-5,
              "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": shared, "bos_token_id": 1,
              "eos_token_id": 2, "torch_dtype": "float32"}
    return config, tensors


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + len(values)]}
        at += len(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(values for _, values in tensors.values()))


def read_pieces(path, count):
    """Text and score of every token."""
    file = Reader(path)
    file.integers(1)  # longest token
    pieces = []
    for _ in range(count):
        (score,) = array.array("f", file.floats(1))
        (length,) = file.integers(1)
        pieces.append((file.data[file.at : file.at + length].decode("utf-8"), score))
        file.at += length
    return pieces


def tokenizer(pieces):
    """tokenizer.json: byte pair encoding whose merges are tried in the order of the scores, best first."""
    vocab = {}
    for index, (text, _) in enumerate(pieces):
        special = ("<unk>", "<s>", "</s>")
        vocab[special[index] if index < FIRST_BYTE else text] = index
    merges = []
    for index, (text, score) in enumerate(pieces):
        if index < FIRST_BYTE + BYTE_TOKENS:
            continue
        for cut in range(1, len(text)):
            if text[:cut] in vocab and text[cut:] in vocab:
                merges.append((-score, vocab[text[:cut]], vocab[text[cut:]], [text[:cut], text[cut:]]))
    added = [{"id": index, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for index, content in enumerate(("<unk>", "<s>", "</s>"))]
    first = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
            "normalizer": {"type": "Prepend", "prepend": " "}, "pre_tokenizer": None,
            "post_processor": {"type": "TemplateProcessing", "single": [first, {"Sequence": {"id": "A", "type_id": 0}}],
                               "pair": [first, {"Sequence": {"id": "A", "type_id": 0}},
                                        {"Sequence": {"id": "B", "type_id": 0}}],
                               "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
            "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"},
                                                         {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                      "vocab": vocab, "merges": [merge for *_, merge in sorted(merges, key=lambda m: m[:3])]}}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    config, tensors = read_model(sys.argv[1])
    pieces = read_pieces(sys.argv[2], config["vocab_size"])
    out = Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "config.json", config)
    write_json(out / "tokenizer.json", tokenizer(pieces))
    write_json(out / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>",
                                               "eos_token": "</s>", "unk_token": "<unk>"})
    write_safetensors(out / "model.safetensors", tensors)
    print(f"{out}: {len(tensors)} tensors, {config['vocab_size']} tokens")


if __name__ == "__main__":
    main()
