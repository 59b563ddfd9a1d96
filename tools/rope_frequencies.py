"""The table of tests/golden/rope_frequencies.json: RoPE settings, and what transformers makes of them."""

import copy

import torch
from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.phi3.modeling_phi3 import Phi3RotaryEmbedding

import hf_reference as hf

SHORT = [1.0, 1.01, 1.02, 1.05, 1.08, 1.1, 1.13, 1.2, 1.21, 1.3, 1.34, 1.5, 1.56, 1.7, 1.75, 1.9]
LONG = [1.05, 1.3, 1.7, 2.2, 3.1, 4.4, 6.0, 8.5, 12.0, 17.5, 24.0, 31.0, 44.0, 52.5, 60.0, 64.3]
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def longrope(pairs, **fields):
    return {"rope_type": "longrope", "short_factor": SHORT[:pairs], "long_factor": LONG[:pairs], **fields}


# name, head_dim, max_position_embeddings, length (None: any), rope_parameters (rope_theta 10000 unless given)
SETTINGS = [
    ("default", 32, 2048, None, {"rope_type": "default"}),
    ("default, odd number of pairs", 10, 2048, None, {"rope_type": "default", "rope_theta": 500000.0}),
    ("default, half", 20, 2048, None, {"rope_type": "default", "partial_rotary_factor": 0.5}),
    ("default, three quarters", 16, 2048, None,
     {"rope_type": "default", "partial_rotary_factor": 0.75, "rope_theta": 250000.0}),
    ("default, 0.4 of 80 (the product is exact)", 80, 2048, None,
     {"rope_type": "default", "partial_rotary_factor": 0.4}),
    ("default, 15 rotary dimensions (8 frequencies, exponents over 15)", 20, 2048, None,
     {"rope_type": "default", "partial_rotary_factor": 0.75}),
    ("linear", 12, 2048, None, {"rope_type": "linear", "factor": 4.0}),
    ("linear, factor 2.5, half", 28, 2048, None, {"rope_type": "linear", "factor": 2.5, "partial_rotary_factor": 0.5}),
    ("dynamic, below", 12, 64, 40, {"rope_type": "dynamic", "factor": 2.0}),
    ("dynamic, at", 12, 64, 64, {"rope_type": "dynamic", "factor": 2.0}),
    ("dynamic, one above", 12, 64, 65, {"rope_type": "dynamic", "factor": 2.0}),
    ("dynamic, far above", 30, 64, 1000, {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1000000.0}),
    ("dynamic, half, above", 24, 64, 200, {"rope_type": "dynamic", "factor": 8.0, "partial_rotary_factor": 0.5}),
    ("llama3, as Llama 3.1", 128, 131072, None, {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3}),
    ("llama3, as Llama 3.2", 64, 131072, None,
     {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3, "factor": 32.0}),
    ("llama3, small", 18, 256, None,
     {"rope_type": "llama3", **LLAMA3, "high_freq_factor": 3.0, "original_max_position_embeddings": 64}),
    ("yarn", 128, 131072, None,
     {"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 4.0, "original_max_position_embeddings": 32768}),
    ("yarn, odd number of pairs", 22, 256, None,
     {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}),
    ("yarn, attention factor, betas", 20, 1024, None,
     {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 128, "attention_factor": 1.25,
      "beta_fast": 16.0, "beta_slow": 2.0}),
    ("yarn, mscale", 64, 163840, None,
     {"rope_type": "yarn", "factor": 40.0, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1,
      "mscale": 0.707, "mscale_all_dim": 1.0}),
    ("yarn, not truncated", 64, 131072, None,
     {"rope_type": "yarn", "rope_theta": 150000.0, "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
      "original_max_position_embeddings": 4096, "truncate": False}),
    ("yarn, factor 1: attention factor 1", 16, 64, None,
     {"rope_type": "yarn", "factor": 1.0, "original_max_position_embeddings": 64}),
    ("yarn, empty ramp (low = high)", 8, 64, None,
     {"rope_type": "yarn", "factor": 4.0, "beta_fast": 1.0, "beta_slow": 1.0, "original_max_position_embeddings": 6}),
    ("longrope, short", 32, 4096, 512, longrope(16, original_max_position_embeddings=512)),
    ("longrope, long", 32, 4096, 513, longrope(16, original_max_position_embeddings=512)),
    ("longrope, partial, long", 24, 131072, 5000,
     longrope(9, partial_rotary_factor=0.75, original_max_position_embeddings=4096)),
    ("longrope, factor wins over the ratio", 20, 4096, 100,
     longrope(10, factor=16.0, original_max_position_embeddings=512)),
    ("longrope, attention factor", 20, 4096, 600,
     longrope(10, attention_factor=1.19, original_max_position_embeddings=512)),
    ("longrope, no extension: attention factor 1", 10, 512, 100, longrope(5, original_max_position_embeddings=512)),
]


def entry(name, head_dim, max_positions, length, parameters):
    parameters = {"rope_theta": 10000.0, **parameters}
    # The Llama config is only a host here: the formulas, and this file, do not depend on the model.
    config = AutoConfig.for_model("llama", hidden_size=head_dim * 2, num_attention_heads=2, head_dim=head_dim,
                                  max_position_embeddings=max_positions, rope_parameters=copy.deepcopy(parameters))
    kind = parameters["rope_type"]
    if kind == "default":
        frequencies, factor = Phi3RotaryEmbedding.compute_default_rope_parameters(config)
    else:
        over = length is not None and (kind == "longrope" or length > max_positions)
        frequencies, factor = ROPE_INIT_FUNCTIONS[kind](config, seq_len=torch.tensor(length) if over else None)
    assert frequencies.dtype == torch.float32
    fields = {"head_dim": head_dim, "max_position_embeddings": max_positions}
    new = {**fields, "rope_parameters": parameters}
    return {"name": name, "length": length, "config": new, "config_old_spelling": hf.old_spelling(new),
            "inv_freq": [float(value) for value in frequencies], "attention_factor": float(factor)}


def rope_frequencies():
    """inv_freq are f32 values printed in full; the factor multiplies cos and sin."""
    return {"made_with": hf.versions(), "settings": [entry(*row) for row in SETTINGS]}
