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
from transformers import AutoConfig

import hf_reference as hf
from content_hash import hash128
from policy_rounding import round_model
from rope_frequencies import rope_frequencies

ROOT = Path(__file__).resolve().parent.parent / "tests" / "golden"
SCRIPTS = ("make_goldens.py", "hf_reference.py", "policy_rounding.py")
GREEDY_TOKENS = 16
MUST_MATTER = 1e-8  # NMSE, 10 x the loosest bar on it: a feature that moves the logits by less might be missing unseen
FOLDER_LIMIT_BYTES, TOTAL_LIMIT_BYTES = 300_000, 9_000_000
ROUTING_GAP = 1e-4  # of router probabilities: nearer ones could be chosen otherwise by f32 arithmetic

# What every checkpoint has unless its case says otherwise. pad_token_id must lie in the vocabulary.
SHAPE = {"vocab_size": 97, "hidden_size": 24, "intermediate_size": 33, "num_hidden_layers": 2, "num_attention_heads": 3,
         "num_key_value_heads": 1, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "pad_token_id": 0,
         "bos_token_id": 1, "eos_token_id": 2}
# The same for the family that calls its fields otherwise.
GPT2_SHAPE = {"vocab_size": 97, "n_embd": 24, "n_inner": 33, "n_layer": 2, "n_head": 3, "n_positions": 128,
              "layer_norm_epsilon": 1e-5, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SHAPES = {"gpt2": GPT2_SHAPE, "gpt_bigcode": GPT2_SHAPE}
NORM_EPS = {"phi": "layer_norm_eps", "starcoder2": "norm_epsilon"}
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
    shape = dict(SHAPES.get(family, SHAPE))
    if family in NORM_EPS:
        shape[NORM_EPS[family]] = shape.pop("rms_norm_eps")
    return {"name": name, "family": family, "config": {**shape, **config}, "runs": runs, "dtype": dtype,
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
    # Mistral.
    case("mistral_window", "mistral", {"head_dim": 10, "num_key_value_heads": 3, "sliding_window": 7},
         {"golden": 40, "inside": 7}, without={"window": {"sliding_window": None}}),
    case("mistral_no_window_gqa_sharded", "mistral",
         {"hidden_size": 48, "num_attention_heads": 6, "num_key_value_heads": 2, "sliding_window": None,
          "rope_parameters": rope("default", theta=1000000.0)}, {"golden": 31}, "bf16", shard_bytes=30_000,
         without={"theta": DEFAULT_ROPE}),
    case("mistral_yarn_tied_old_spelling", "mistral",
         {"head_dim": 20, "tie_word_embeddings": True, "sliding_window": 20, "rope_parameters": rope("yarn", **YARN)},
         {"golden": 50}, "f16", config_spelling="rope_type", without={"rope": DEFAULT_ROPE}),
    # Ministral.
    case("ministral_layer_types", "ministral",
         {"head_dim": 14, "num_hidden_layers": 3, "sliding_window": 6,
          "layer_types": ["full_attention", "sliding_attention", "full_attention"]}, {"golden": 29},
         without={"window": {"layer_types": ["full_attention"] * 3},
                  "types": {"layer_types": ["sliding_attention", "full_attention", "full_attention"]}}),
    case("ministral_default_types_dynamic", "ministral",
         {"head_dim": 12, "num_key_value_heads": 3, "sliding_window": 9, "max_position_embeddings": 24,
          "rope_parameters": rope("dynamic", factor=2.0)}, {"short": 19, "above": 25}, "f32",
         without={"rope": DEFAULT_ROPE}),
    # Mixtral.
    case("mixtral_published_names", "mixtral",
         {"intermediate_size": 20, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None},
         {"golden": 27, "one": 1}, published=True, without={"top": {"num_experts_per_tok": 1}}),
    case("mixtral_stacked_window_sharded", "mixtral",
         {"hidden_size": 28, "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 18,
          "num_local_experts": 5, "num_experts_per_tok": 3, "sliding_window": 6, "hidden_act": "gelu"}, {"golden": 22},
         "f32", shard_bytes=20_000, without={"window": {"sliding_window": None}, "gelu": {"hidden_act": "silu"}}),
    case("mixtral_one_expert_tied", "mixtral",
         {"intermediate_size": 22, "num_local_experts": 3, "num_experts_per_tok": 1, "tie_word_embeddings": True,
          "rope_parameters": rope("linear", factor=4.0)}, {"golden": 33}, "f16", published=True,
         config_spelling="rope_type", without={"rope": DEFAULT_ROPE, "top": {"num_experts_per_tok": 2}}),
    # Qwen2.
    case("qwen2_biases_gqa_tied", "qwen2",
         {"hidden_size": 36, "num_attention_heads": 6, "num_key_value_heads": 2, "tie_word_embeddings": True,
          "vocab_size": 131}, {"golden": 30}, without={"biases": "zero"}),
    case("qwen2_upper_layers_slide", "qwen2",
         {"hidden_size": 30, "num_hidden_layers": 3, "use_sliding_window": True, "sliding_window": 5,
          "max_window_layers": 1}, {"golden": 24}, "f32",
         without={"window": {"use_sliding_window": False, "layer_types": None},
                  "from": {"max_window_layers": 2, "layer_types": None}}),
    case("qwen2_layer_types_yarn_sharded", "qwen2",
         {"hidden_size": 60, "num_key_value_heads": 3, "use_sliding_window": True, "sliding_window": 8,
          "layer_types": ["sliding_attention", "full_attention"], "rope_parameters": rope("yarn", **YARN)},
         {"golden": 61}, "bf16", shard_bytes=30_000,
         without={"rope": DEFAULT_ROPE, "window": {"layer_types": ["full_attention"] * 2}}),
    # Qwen3.
    case("qwen3_head_norms", "qwen3", {"head_dim": 18, "num_key_value_heads": 3, "rms_norm_eps": 1e-2},
         {"golden": 28, "one": 1}, "f32", without={"eps": {"rms_norm_eps": 1e-5}}),
    case("qwen3_attention_bias_tied_window", "qwen3",
         {"head_dim": 14, "attention_bias": True, "tie_word_embeddings": True, "use_sliding_window": True,
          "sliding_window": 6, "max_window_layers": 1}, {"golden": 26}, "bf16",
         without={"biases": "zero", "window": {"use_sliding_window": False, "layer_types": None}}),
    case("qwen3_gqa_longrope_old_spelling", "qwen3",
         {"head_dim": 10, "hidden_size": 36, "num_attention_heads": 4, "num_key_value_heads": 2,
          "rope_parameters": longrope(10, factor=4.0, original_max_position_embeddings=24)}, {"short": 20, "long": 39},
         "f16", config_spelling="type", without={"rope": DEFAULT_ROPE}),
    # Phi.
    case("phi_partial", "phi", {"hidden_size": 48, "hidden_act": "gelu_new", "num_key_value_heads": 3,
                                "rope_parameters": rope("default", partial_rotary_factor=0.5)},
         {"golden": 34, "one": 1}, "f32", without={"biases": "zero", "gelu": {"hidden_act": "gelu"},
                                                   "partial": {"rope_parameters": rope("default",
                                                                                       partial_rotary_factor=1.0)}}),
    case("phi_head_norms_mqa_old_spelling", "phi",
         {"hidden_size": 60, "qk_layernorm": True, "layer_norm_eps": 1e-2, "vocab_size": 131, "hidden_act": "gelu_fast",
          "rope_parameters": rope("default", partial_rotary_factor=0.4)}, {"golden": 27}, config_spelling="rope_type",
         without={"eps": {"layer_norm_eps": 1e-5}}),
    case("phi_tied_dynamic_sharded", "phi",
         {"hidden_size": 60, "num_key_value_heads": 3, "tie_word_embeddings": True, "max_position_embeddings": 20,
          "hidden_act": "quick_gelu", "rope_parameters": rope("dynamic", factor=2.0, partial_rotary_factor=0.5)},
         {"short": 17, "long": 43}, "f16", shard_bytes=30_000,
         without={"rope": {"rope_parameters": rope("default", partial_rotary_factor=0.5)}}),
    # StarCoder2.
    case("starcoder2_window_tied", "starcoder2",
         {"hidden_size": 36, "num_key_value_heads": 3, "sliding_window": 8, "tie_word_embeddings": True},
         {"golden": 32}, without={"window": {"sliding_window": None}, "biases": "zero"}),
    case("starcoder2_no_biases_linear", "starcoder2",
         {"hidden_size": 30, "use_bias": False, "sliding_window": None, "tie_word_embeddings": False,
          "norm_epsilon": 1e-3, "hidden_act": "gelu", "rope_parameters": rope("linear", factor=4.0)}, {"golden": 39},
         "f32", config_spelling="type", without={"rope": DEFAULT_ROPE, "eps": {"norm_epsilon": 1e-5},
                                                 "gelu": {"hidden_act": "gelu_pytorch_tanh"}}),
    # StarCoder.
    case("gpt_bigcode_one_kv_head", "gpt_bigcode", {"n_embd": 33, "multi_query": True}, {"golden": 35, "one": 1},
         without={"biases": "zero", "gelu_tanh": {"activation_function": "gelu"}}),
    case("gpt_bigcode_head_by_head_sharded", "gpt_bigcode",
         {"n_embd": 42, "n_inner": None, "multi_query": False, "activation_function": "gelu", "n_positions": 43},
         {"golden": 27}, "f32", shard_bytes=30_000, without={"gelu": {"activation_function": "gelu_pytorch_tanh"}}),
    case("gpt_bigcode_unscaled_untied", "gpt_bigcode",
         {"n_embd": 30, "scale_attn_weights": False, "tie_word_embeddings": False, "activation_function": "relu",
          "vocab_size": 131}, {"golden": 21}, "f16", without={"scale": {"scale_attn_weights": True}}),
    # GPT-2.
    case("gpt2_plain", "gpt2", {"n_embd": 33, "n_inner": None, "n_positions": 53}, {"golden": 37, "one": 1}, "f32",
         without={"biases": "zero", "gelu_tanh": {"activation_function": "gelu"}}),
    case("gpt2_layer_scaled_published_names", "gpt2",
         {"n_embd": 30, "n_layer": 3, "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True,
          "layer_norm_epsilon": 1e-3}, {"golden": 23}, decoder_names="transformer.", mask_buffers=True,
         without={"scale": {"scale_attn_by_inverse_layer_idx": False}, "eps": {"layer_norm_epsilon": 1e-5}}),
    case("gpt2_unscaled_untied_sharded", "gpt2",
         {"n_embd": 36, "n_head": 4, "scale_attn_weights": False, "tie_word_embeddings": False, "vocab_size": 131,
          "activation_function": "relu"}, {"golden": 26}, "f16", shard_bytes=30_000,
         without={"scale": {"scale_attn_weights": True}}),
]


SWITCHES = ("attention_bias", "mlp_bias", "tie_word_embeddings", "sliding_window", "use_sliding_window", "qk_layernorm",
            "use_bias", "multi_query", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn")


def features(item, config):
    """Tags by which a test or a reader picks cases."""
    read = AutoConfig.for_model(item["family"], **item["config"])
    heads, kv_heads = read.num_attention_heads, getattr(read, "num_key_value_heads", read.num_attention_heads)
    parameters = item["config"].get("rope_parameters", rope("default"))
    activation = config.get("hidden_act", config.get("activation_function"))
    tags = [item["family"]]
    tags += ["rope:" + parameters["rope_type"]] if hasattr(read, "rope_parameters") else ["learned_positions"]
    tags += [item["dtype"], "act:" + activation, "mha" if heads == kv_heads else "mqa" if kv_heads == 1 else "gqa"]
    tags += [key for key in SWITCHES if config.get(key)]
    tags += ["experts"] if "num_local_experts" in config else []
    rope_fields = ("partial_rotary_factor", "attention_factor", "truncate", "mscale", "beta_fast")
    tags += [key for key in rope_fields if key in parameters]
    tags += ["head_dim"] if (config.get("head_dim") or 0) not in (0, read.hidden_size // heads) else []
    tags += ["sharded"] if "shard_bytes" in item else []
    options = ("stored_copy", "rotary_buffers", "config_spelling", "published", "decoder_names", "mask_buffers")
    return tags + [key for key in options if key in item]


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


def rounded_weights(folder, format_name, ids):
    """The logits of exact arithmetic on weights as a policy stores them."""
    model = hf.load(folder, "f64")
    model.float()
    round_model(model, format_name)
    return hf.forward(model.double(), ids)["logits"]


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
    assert hf.routing_gap(hf.load(folder, "f64"), ids) > ROUTING_GAP, f"{item['name']}: routing is a coin toss"
    assert all(torch.isfinite(tensor).all() for tensor in golden.values())
    off = {feature: hf.nmse(switched_off(folder, change, ids), golden["logits"])
           for feature, change in item["without"].items()} if length > 1 else {}
    if (folder / "config.old_spelling.json").exists():
        check_spelling(folder, ids, golden["logits"])
    file = "golden.safetensors" if run == "golden" else f"golden_{run}.safetensors"
    rounded = {name: hf.nmse(rounded_weights(folder, name, ids), golden["logits"]) for name in ("bf16", "bfp8", "bfp4")}
    half = hf.load(folder, "f32").to(torch.bfloat16)
    tensors = {name: tensor.float().contiguous() for name, tensor in golden.items()}
    tensors["input_ids"] = torch.tensor(ids, dtype=torch.int32)
    tensors["greedy_ids"] = torch.tensor(continuation, dtype=torch.int32)
    save_file(tensors, folder / file, metadata={"format": "pt"})
    return {"name": run, "file": file, "length": length, "seed": seed, "greedy_declared_length": length + GREEDY_TOKENS,
            "greedy_smallest_gap": gap, "nmse_f32": hf.nmse(single["logits"], golden["logits"]),
            "nmse_double_as_it_comes": hf.nmse(double["logits"], golden["logits"]), "nmse_without": off,
            "nmse_rounded_weights": rounded,
            "nmse_bf16_model": hf.nmse(hf.forward(half, ids)["logits"], golden["logits"])}


def make_case(item, seed):
    folder = ROOT / item["name"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hf.make_checkpoint(folder, item["family"], copy.deepcopy(item["config"]), seed, item["dtype"],
                       item.get("shard_bytes"), item.get("published", False))
    model = hf.load(folder, "f32")
    extra = {}
    if item.get("stored_copy"):
        extra["lm_head.weight"] = model.model.embed_tokens.weight.detach().to(hf.DTYPES[item["dtype"]]).clone()
    if item.get("rotary_buffers"):
        for layer in range(item["config"]["num_hidden_layers"]):
            extra[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = model.model.rotary_emb.inv_freq.clone()
    if item.get("decoder_names"):
        hf.drop_prefix(folder, item["decoder_names"])
    if item.get("mask_buffers"):
        count = item["config"]["n_positions"]
        for layer in range(item["config"]["n_layer"]):
            extra[f"h.{layer}.attn.bias"] = torch.tril(torch.ones(count, count, dtype=torch.uint8)).view(1, 1, count, count)
            extra[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    if extra:
        hf.add_tensors(folder, extra)
    spelling = item.get("config_spelling")
    if spelling:
        hf.write_json(folder / "config.json", hf.old_spelling(hf.read_json(folder / "config.json"), spelling))
    else:
        other_spelling(folder, "type" if item["family"] == "phi3" else "rope_type")
    config = hf.read_json(folder / "config.json")
    runs = [make_run(item, folder, run, length, seed + 1000 * (index + 1))
            for index, (run, length) in enumerate(item["runs"].items())]
    for feature in item["without"]:
        moved = max(run["nmse_without"].get(feature, 0.0) for run in runs)
        assert moved > MUST_MATTER, f"{item['name']}: {feature} moves the logits by an NMSE of {moved} only"
    hf.write_json(folder / "golden.json", {
        "name": item["name"], "seed": seed, "features": features(item, config), "made_with": hf.versions(),
        "made_by": hashes(Path(__file__).parent / name for name in SCRIPTS), "files": hashes(sorted(folder.iterdir())),
        "runs": runs})
    return folder, runs


def hashes(paths):
    return {path.name: hash128(path.read_bytes()) for path in paths}


def size_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="names of cases")
    only = parser.parse_args().only
    unknown = set(only) - {item["name"] for item in CASES}
    if unknown:
        sys.exit(f"make_goldens: unknown case: {', '.join(sorted(unknown))}")
    failed = []
    for index, item in enumerate(CASES):
        if only and item["name"] not in only:
            continue
        try:
            folder, runs = make_case(item, seed=item.get("seed", 100 + index))
        except (AssertionError, ValueError) as error:
            failed.append(item["name"])
            print(f"{item['name']:36} FAILED: {error}", flush=True)
            continue
        size = size_bytes(folder)
        assert size <= FOLDER_LIMIT_BYTES, f"{folder}: {size} bytes"
        for run in runs:
            off = " ".join(f"{name} {value:.0e}" for name, value in run["nmse_without"].items())
            print(f"{item['name']:36} {run['name']:7} T={run['length']:3} {size / 1000:6.1f} kB",
                  f"f32 {run['nmse_f32']:.1e}  double {run['nmse_double_as_it_comes']:.1e}",
                  f"gap {run['greedy_smallest_gap']:.4f}  without {off}", sep="  ", flush=True)
    if not only:
        hf.write_json(ROOT / "rope_frequencies.json", rope_frequencies())
        total = size_bytes(ROOT)
        print(f"total {total / 1e6:.2f} MB")
        assert total <= TOTAL_LIMIT_BYTES
    if failed:
        sys.exit(f"make_goldens: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
