#!/usr/bin/env python3
"""Makes tests/golden: small random checkpoints and what the Hugging Face implementation computes on them.

/opt/flvenv/bin/python tools/make_goldens.py [--only NAME ...]
"""

import argparse
import copy
import random
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

import hf_reference as hf
from rope_frequencies import rope_frequencies

ROOT = Path(__file__).resolve().parent.parent / "tests" / "golden"
GREEDY_TOKENS = 16
MUST_MATTER = 1e-8  # NMSE, 10 x the loosest bar on it: a feature that moves the logits by less might be missing unseen
FOLDER_LIMIT_BYTES, TOTAL_LIMIT_BYTES = 300_000, 4_000_000

# What every checkpoint has unless its case says otherwise. pad_token_id must lie in the vocabulary.
SHAPE = {"vocab_size": 97, "hidden_size": 24, "intermediate_size": 33, "num_hidden_layers": 2, "num_attention_heads": 3,
         "num_key_value_heads": 1, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "pad_token_id": 0,
         "bos_token_id": 1, "eos_token_id": 2}
WIDE = {"hidden_size": 40, "intermediate_size": 57, "num_attention_heads": 5, "num_key_value_heads": 5}


def rope(kind, theta=10000.0, **fields):
    return {"rope_type": kind, "rope_theta": theta, **fields}


DEFAULT_ROPE = {"rope_parameters": rope("default")}


def longrope(dim, **fields):
    """Factors of the published kind: near 1 in short texts, growing with the wavelength in long ones."""
    pairs = dim // 2
    return rope("longrope", short_factor=[round(1.0 + 0.07 * i, 3) for i in range(pairs)],
                long_factor=[round(1.05 + 0.9 * i * i / pairs, 3) for i in range(pairs)], **fields)


def case(name, family, config, runs, dtype="bf16", without=None, **options):
    """`runs`: name -> T. `without`: feature -> the config fields that switch it off (the logits must change)."""
    return {"name": name, "family": family, "config": {**SHAPE, **config}, "runs": runs, "dtype": dtype,
            "without": without or {}, **options}


YARN = {"original_max_position_embeddings": 32, "factor": 4.0}
LONG = {"max_position_embeddings": 128, "original_max_position_embeddings": 24}
AROUND_24 = {"short": 19, "exact": 24, "above": 25, "long": 61}

CASES = [
    # Llama: shapes and switches.
    case("llama_plain", "llama", {**WIDE, "hidden_act": "silu"}, {"golden": 37, "one": 1}, "f32",
         without={"silu": {"hidden_act": "relu"}}),
    case("llama_gqa_biases_sharded", "llama",
         {"hidden_size": 48, "intermediate_size": 45, "num_attention_heads": 6, "num_key_value_heads": 2,
          "head_dim": 12, "num_hidden_layers": 3, "attention_bias": True, "mlp_bias": True, "rms_norm_eps": 1e-2},
         {"golden": 33}, shard_bytes=40_000, without={"eps": {"rms_norm_eps": 1e-5}, "biases": "zero"}),
    case("llama_mqa_tied_gelu", "llama",
         {"hidden_size": 72, "intermediate_size": 75, "head_dim": 10, "vocab_size": 131, "tie_word_embeddings": True,
          "hidden_act": "gelu"}, {"golden": 21}, "f16", without={"gelu": {"hidden_act": "gelu_pytorch_tanh"}}),
    case("llama_attention_bias_gelu_tanh", "llama",
         {"hidden_act": "gelu_pytorch_tanh", "attention_bias": True, "num_key_value_heads": 3, "vocab_size": 131,
          "rope_parameters": rope("default", theta=500000.0)}, {"golden": 43},
         without={"gelu_tanh": {"hidden_act": "gelu"}, "theta": DEFAULT_ROPE, "biases": "zero"}),
    case("llama_mlp_bias_relu", "llama", {**WIDE, "num_key_value_heads": 1, "hidden_act": "relu", "mlp_bias": True,
                                          "rms_norm_eps": 1e-6}, {"golden": 26}, "f32",
         without={"relu": {"hidden_act": "silu"}, "biases": "zero"}),
    case("llama_tied_stored_copy", "llama", {"tie_word_embeddings": True, "head_dim": 14}, {"golden": 17},
         stored_copy=True, rotary_buffers=True, config_spelling="type"),
    # Llama: RoPE types.
    case("llama_linear", "llama", {"head_dim": 10, "rope_parameters": rope("linear", factor=4.0)}, {"golden": 47},
         without={"rope": DEFAULT_ROPE}),
    case("llama_dynamic", "llama", {"head_dim": 12, "max_position_embeddings": 24,
                                    "rope_parameters": rope("dynamic", factor=2.0)}, AROUND_24, "f32",
         without={"rope": DEFAULT_ROPE}),
    case("llama_llama3", "llama",
         {"head_dim": 20, "rope_parameters": rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                                  original_max_position_embeddings=64)},
         {"golden": 90, "exact": 64}, "bf16", without={"rope": DEFAULT_ROPE}),
    case("llama_llama3_old_spelling", "llama",
         {"head_dim": 12, "rope_parameters": rope("llama3", theta=500000.0, factor=32.0, low_freq_factor=1.0,
                                                  high_freq_factor=3.0, original_max_position_embeddings=40)},
         {"golden": 58}, "f16", config_spelling="rope_type",
         without={"rope": {"rope_parameters": rope("default", theta=500000.0)}}),
    case("llama_yarn", "llama", {"head_dim": 20, "rope_parameters": rope("yarn", **YARN)},
         {"golden": 71, "exact": 32}, "bf16", without={"rope": DEFAULT_ROPE}),
    case("llama_yarn_attention_factor", "llama",
         {"head_dim": 16, "rope_parameters": rope("yarn", theta=1000.0, attention_factor=1.3, truncate=False,
                                                  beta_fast=4, beta_slow=0.5, **YARN)}, {"golden": 52}, "f32",
         without={"truncate": {"rope_parameters": rope("yarn", theta=1000.0, attention_factor=1.3, beta_fast=4,
                                                       beta_slow=0.5, **YARN)},
                  "attention_factor": {"rope_parameters": rope("yarn", theta=1000.0, truncate=False, beta_fast=4,
                                                               beta_slow=0.5, **YARN)},
                  "betas": {"rope_parameters": rope("yarn", theta=1000.0, attention_factor=1.3, truncate=False,
                                                    **YARN)}}),
    case("llama_yarn_mscale", "llama",
         {"head_dim": 12, "rope_parameters": rope("yarn", mscale=1.0, mscale_all_dim=0.6, **YARN)},
         {"golden": 44}, "bf16", without={"mscale": {"rope_parameters": rope("yarn", **YARN)}}),
    case("llama_longrope", "llama",
         {"head_dim": 10, "rope_parameters": longrope(10, factor=4.0, original_max_position_embeddings=24)}, AROUND_24,
         "bf16", without={"rope": DEFAULT_ROPE}),
    # Phi-3.
    case("phi3_plain", "phi3", {**WIDE}, {"golden": 29, "one": 1}, "f32"),
    case("phi3_longrope", "phi3",
         {**LONG, "hidden_size": 36, "num_key_value_heads": 3, "rope_parameters": longrope(12)}, AROUND_24,
         without={"rope": DEFAULT_ROPE}),
    case("phi3_partial_gqa_tied_old_spelling", "phi3",
         {**LONG, "hidden_size": 48, "intermediate_size": 51, "num_attention_heads": 6, "num_key_value_heads": 2,
          "vocab_size": 131, "tie_word_embeddings": True, "rope_parameters": longrope(6, partial_rotary_factor=0.75)},
         AROUND_24, "bf16", config_spelling="type",
         without={"rope": {"rope_parameters": rope("default", partial_rotary_factor=0.75)}}),
    case("phi3_partial_mqa_gelu", "phi3",
         {"hidden_size": 60, "hidden_act": "gelu", "rope_parameters": rope("default", partial_rotary_factor=0.5)},
         {"golden": 31}, "f16", without={"partial": DEFAULT_ROPE, "gelu": {"hidden_act": "gelu_pytorch_tanh"}}),
    case("phi3_sliding_window", "phi3", {**WIDE, "num_key_value_heads": 1, "sliding_window": 7},
         {"golden": 40, "inside": 7}, "bf16", without={"window": {"sliding_window": None}}),
    case("phi3_attention_factor", "phi3",
         {**LONG, "num_key_value_heads": 3, "hidden_size": 30,
          "rope_parameters": longrope(10, factor=6.0, attention_factor=1.37)},
         AROUND_24, "f32", without={"attention_factor": {"rope_parameters": longrope(10, factor=6.0)}}),
    case("phi3_longrope_factor", "phi3",
         {**LONG, "num_key_value_heads": 3, "hidden_size": 30,
          "rope_parameters": longrope(10, factor=16.0)}, {"golden": 46},
         without={"factor": {"rope_parameters": longrope(10)}}),
    case("phi3_window_longrope_sharded", "phi3",
         {**LONG, "hidden_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3,
          "sliding_window": 9, "rope_parameters": longrope(12)}, {"short": 22, "long": 57}, "bf16", shard_bytes=30_000,
         without={"window": {"sliding_window": None}, "rope": DEFAULT_ROPE}),
    case("phi3_head_dim", "phi3", {"head_dim": 14, "hidden_act": "relu", "rms_norm_eps": 1e-3}, {"golden": 23}, "bf16",
         without={"relu": {"hidden_act": "silu"}, "eps": {"rms_norm_eps": 1e-5}}),
]


def features(item, config):
    """Tags by which a test or a reader picks cases."""
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    parameters = item["config"].get("rope_parameters", rope("default"))
    tags = [item["family"], "rope:" + parameters["rope_type"], item["dtype"], "act:" + config["hidden_act"],
            "mha" if heads == kv_heads else "mqa" if kv_heads == 1 else "gqa"]
    tags += [key for key in ("attention_bias", "mlp_bias", "tie_word_embeddings", "sliding_window") if config.get(key)]
    rope_fields = ("partial_rotary_factor", "attention_factor", "truncate", "mscale", "beta_fast")
    tags += [key for key in rope_fields if key in parameters]
    tags += ["head_dim"] if config.get("head_dim", 0) not in (0, config["hidden_size"] // heads) else []
    tags += ["sharded"] if "shard_bytes" in item else []
    return tags + [key for key in ("stored_copy", "rotary_buffers", "config_spelling") if key in item]


def switched_off(folder, change, ids):
    """The logits of the same weights without one feature."""
    with tempfile.TemporaryDirectory() as scratch:
        copied = Path(scratch) / "model"
        shutil.copytree(folder, copied)
        if change != "zero":
            config = hf.read_json(copied / "config.json")
            if "rope_parameters" in change:
                for key in ("rope_scaling", "rope_theta", "partial_rotary_factor"):
                    config.pop(key, None)
            hf.write_json(copied / "config.json", {**config, **copy.deepcopy(change)})
        model = hf.load(copied, "f64")
        if change == "zero":
            for name, parameter in model.named_parameters():
                if name.endswith(".bias"):
                    parameter.data.zero_()
        return hf.forward(model, ids)["logits"]


def other_spelling(folder, type_key):
    """Stands the config's other spelling beside it."""
    config = hf.read_json(folder / "config.json")
    hf.write_json(folder / "config.old_spelling.json", hf.old_spelling(config, type_key))


def check_spelling(folder, ids, want):
    """transformers must read both spellings to the same bits."""
    with tempfile.TemporaryDirectory() as scratch:
        copied = Path(scratch) / "model"
        shutil.copytree(folder, copied)
        shutil.copy(copied / "config.old_spelling.json", copied / "config.json")
        assert torch.equal(hf.forward(hf.load(copied, "f64"), ids)["logits"], want), f"{folder}: spellings differ"


def make_run(item, folder, run, length, seed):
    """One text through the checkpoint, in f64 (the golden) and f32: writes the tensors, returns the record."""
    generator = random.Random(seed)
    ids = [generator.randrange(item["config"]["vocab_size"]) for _ in range(length)]
    golden = hf.forward(hf.load(folder, "f64"), ids)
    single = hf.forward(hf.load(folder, "f32"), ids)
    double = hf.forward(hf.load(folder, "double"), ids)
    continuation, gap = hf.greedy(hf.load(folder, "f64"), ids, GREEDY_TOKENS)
    single_continuation, _ = hf.greedy(hf.load(folder, "f32"), ids, GREEDY_TOKENS)
    assert single_continuation == continuation, f"{item['name']}: greedy is a coin toss"
    assert all(torch.isfinite(tensor).all() for tensor in golden.values())
    off = {feature: hf.nmse(switched_off(folder, change, ids), golden["logits"])
           for feature, change in item["without"].items()} if length > 1 else {}
    if (folder / "config.old_spelling.json").exists():
        check_spelling(folder, ids, golden["logits"])
    file = "golden.safetensors" if run == "golden" else f"golden_{run}.safetensors"
    tensors = {name: tensor.float().contiguous() for name, tensor in golden.items()}
    tensors["input_ids"] = torch.tensor(ids, dtype=torch.int32)
    tensors["greedy_ids"] = torch.tensor(continuation, dtype=torch.int32)
    save_file(tensors, folder / file, metadata={"format": "pt"})
    return {"name": run, "file": file, "length": length, "seed": seed, "greedy_declared_length": length + GREEDY_TOKENS,
            "greedy_smallest_gap": gap, "nmse_f32": hf.nmse(single["logits"], golden["logits"]),
            "nmse_double_as_it_comes": hf.nmse(double["logits"], golden["logits"]), "nmse_without": off}


def make_case(item, seed):
    folder = ROOT / item["name"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hf.make_checkpoint(folder, item["family"], copy.deepcopy(item["config"]), seed, item["dtype"],
                       item.get("shard_bytes"))
    model = hf.load(folder, "f32")
    extra = {}
    if item.get("stored_copy"):
        extra["lm_head.weight"] = model.model.embed_tokens.weight.detach().to(hf.DTYPES[item["dtype"]]).clone()
    if item.get("rotary_buffers"):
        for layer in range(item["config"]["num_hidden_layers"]):
            extra[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = model.model.rotary_emb.inv_freq.clone()
    if extra:
        hf.add_tensors(folder, extra)
    spelling = item.get("config_spelling")
    if spelling:
        hf.write_json(folder / "config.json", hf.old_spelling(hf.read_json(folder / "config.json"), spelling))
    else:
        other_spelling(folder, "rope_type" if item["family"] == "llama" else "type")
    config = hf.read_json(folder / "config.json")
    runs = [make_run(item, folder, run, length, seed + 1000 * (index + 1))
            for index, (run, length) in enumerate(item["runs"].items())]
    for feature in item["without"]:
        moved = max(run["nmse_without"].get(feature, 0.0) for run in runs)
        assert moved > MUST_MATTER, f"{item['name']}: {feature} moves the logits by an NMSE of {moved} only"
    hf.write_json(folder / "golden.json", {"name": item["name"], "seed": seed, "features": features(item, config),
                                           "made_with": hf.versions(), "runs": runs})
    return folder, runs


def size_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="names of cases")
    only = parser.parse_args().only
    unknown = set(only) - {item["name"] for item in CASES}
    if unknown:
        sys.exit(f"make_goldens: unknown case: {', '.join(sorted(unknown))}")
    for index, item in enumerate(CASES):
        if only and item["name"] not in only:
            continue
        folder, runs = make_case(item, seed=100 + index)
        size = size_bytes(folder)
        assert size <= FOLDER_LIMIT_BYTES, f"{folder}: {size} bytes"
        for run in runs:
            off = " ".join(f"{name} {value:.0e}" for name, value in run["nmse_without"].items())
            print(f"{item['name']:36} {run['name']:7} T={run['length']:3} {size / 1000:6.1f} kB",
                  f"f32 {run['nmse_f32']:.1e}  double {run['nmse_double_as_it_comes']:.1e}",
                  f"gap {run['greedy_smallest_gap']:.4f}  without {off}", sep="  ")
    if not only:
        hf.write_json(ROOT / "rope_frequencies.json", rope_frequencies())
        total = size_bytes(ROOT)
        print(f"total {total / 1e6:.2f} MB")
        assert total <= TOTAL_LIMIT_BYTES


if __name__ == "__main__":
    main()
