"""Random configs of every architecture, drawn as widely as the families' config classes allow; used by live_parity.py.

A family's function gets a random.Random and returns a Drawing. The same generator state gives the same drawing."""

from dataclasses import dataclass, field

import hf_reference as hf

ACTIVATIONS = ("silu", "swish", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python", "gelu_accurate",
               "quick_gelu", "relu", "tanh", "sigmoid")
SWITCHES = ("attention_bias", "mlp_bias", "tie_word_embeddings", "sliding_window", "use_sliding_window", "layer_types",
            "qk_layernorm", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn")
OFF_SWITCHES = ("use_bias", "multi_query", "scale_attn_weights")  # on by default: off is what is special
ROPES = ("default", "linear", "dynamic", "llama3", "yarn", "yarn", "longrope")
THETAS = (10000.0, 10000.0, 500000.0, 1000000.0, 1000.0, 123456.0)
# Fields that a config.json may leave to its class. Sizes are always written by publishers.
OPTIONAL = ("num_key_value_heads", "head_dim", "hidden_act", "activation_function", "rms_norm_eps", "layer_norm_eps",
            "norm_epsilon", "layer_norm_epsilon", "tie_word_embeddings", "sliding_window", "use_sliding_window",
            "max_window_layers", "attention_bias", "mlp_bias", "qk_layernorm", "use_bias", "multi_query", "n_inner",
            "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "num_local_experts",
            "num_experts_per_tok", "pretraining_tp")


@dataclass
class Drawing:
    family: str
    config: dict
    turn: int | None = None  # the length at which something changes: a RoPE's original length, a window
    longest: int = 96
    features: list = field(default_factory=list)


def draw_shape(draw, eps="rms_norm_eps", even_split=True):
    """Odd sizes of every kind. `even_split`: hidden / heads must be even, since it is the head_dim. Fewer than 16
    hidden features would make the problem itself ill conditioned: there transformers' own f32 misses the bar."""
    heads = draw.choice((1, 2, 3, 4, 5, 6, 7, 8, 8))
    least = -(-16 // heads)
    split = 2 * draw.randint(max(2, -(-least // 2)), 10) if even_split else draw.randint(max(3, least), 21)
    divisors = [number for number in range(1, heads + 1) if heads % number == 0]
    return {"num_attention_heads": heads, "num_key_value_heads": draw.choice(divisors), "hidden_size": heads * split,
            "intermediate_size": draw.randint(3, 131), "num_hidden_layers": draw.randint(1, 3),
            "vocab_size": draw.randint(7, 211), "tie_word_embeddings": draw.random() < 0.4,
            "hidden_act": draw.choice(ACTIVATIONS), eps: draw.choice((1e-2, 1e-3, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6, 1e-7)),
            "max_position_embeddings": draw.randint(8, 200), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


def draw_head_dim(draw, config):
    """A head_dim of its own, or none: the class computes it."""
    if draw.random() < 0.6:
        config["head_dim"] = 2 * draw.randint(2, 20)
    return config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])


# -- rotation ----------------------------------------------------------------------------------------------------


def draw_longrope(draw, rotary, config):
    original = draw.randint(3, 60)
    fields = {"short_factor": [round(draw.uniform(1.0, 1.6), 4) for _ in range(rotary // 2)],
              "long_factor": sorted(round(draw.uniform(1.0, 40.0), 4) for _ in range(rotary // 2)),
              "original_max_position_embeddings": original}
    config["max_position_embeddings"] = original * draw.randint(1, 8)
    if draw.random() < 0.4:
        fields["factor"] = draw.choice((1.0, 4.0, 16.0, 32.0))
    if draw.random() < 0.3:
        fields["attention_factor"] = round(draw.uniform(0.8, 1.5), 3)
    return fields, original


def draw_yarn(draw):
    original = draw.randint(8, 60)
    fields = {"factor": draw.choice((1.0, 2.0, 4.0, 32.5)), "original_max_position_embeddings": original}
    if draw.random() < 0.3:
        fields["attention_factor"] = round(draw.uniform(0.8, 1.5), 3)
    if draw.random() < 0.5:
        fields.update(beta_fast=draw.choice((2.0, 8.0, 32)), beta_slow=draw.choice((0.5, 1, 1.5)))
    if draw.random() < 0.4:
        fields.update(mscale=draw.choice((0.707, 1.0)), mscale_all_dim=draw.choice((0.5, 1.0, 0.0)))
    if draw.random() < 0.4:
        fields["truncate"] = draw.random() < 0.5
    return fields, original


def draw_llama3(draw):
    original = draw.randint(8, 90)
    return {"factor": draw.choice((2.0, 8.0, 32.0)), "low_freq_factor": draw.choice((1.0, 0.5)),
            "high_freq_factor": draw.choice((2.0, 4.0)), "original_max_position_embeddings": original}, original


def draw_rope(draw, kinds, rotary, config):
    """Sets rope_parameters; returns the length at which the type changes its mind (None: none)."""
    kind = draw.choice(kinds)
    turn, fields = None, {}
    if kind == "linear":
        fields = {"factor": draw.choice((1.5, 4.0, 8.0))}
    elif kind == "dynamic":
        if rotary < 4:
            kind = "default"
        else:
            fields, turn = {"factor": draw.choice((2.0, 4.0))}, config["max_position_embeddings"]
    elif kind == "llama3":
        fields, turn = draw_llama3(draw)
        config["max_position_embeddings"] = max(config["max_position_embeddings"], turn + 1)
    elif kind == "yarn":
        fields, turn = draw_yarn(draw)
    elif kind == "longrope":
        fields, turn = draw_longrope(draw, rotary, config)
    config["rope_parameters"] = {"rope_type": kind, "rope_theta": draw.choice(THETAS), **fields}
    return turn


# -- windows -----------------------------------------------------------------------------------------------------


def draw_window(draw, config):
    config["sliding_window"] = draw.choice((None, draw.randint(1, 12), draw.randint(5, 60)))
    return config["sliding_window"]


def draw_layer_types(draw, config):
    kinds = ("full_attention", "sliding_attention") if config["sliding_window"] else ("full_attention",)
    config["layer_types"] = [draw.choice(kinds) for _ in range(config["num_hidden_layers"])]


def draw_upper_window(draw, config):
    """Qwen's switches: off with a value beside it, or on from a layer, or on by layer_types."""
    config["use_sliding_window"] = draw.random() < 0.6
    config["sliding_window"] = draw.randint(1, 30)
    config["max_window_layers"] = draw.randint(0, config["num_hidden_layers"])
    if config["use_sliding_window"] and draw.random() < 0.5:
        draw_layer_types(draw, config)
    return config["sliding_window"] if config["use_sliding_window"] else None


# -- families ----------------------------------------------------------------------------------------------------


def draw_llama(draw):
    config = draw_shape(draw, even_split=False)
    config.update(head_dim=2 * draw.randint(2, 20), attention_bias=draw.random() < 0.5, mlp_bias=draw.random() < 0.5)
    turn = draw_rope(draw, ROPES, config["head_dim"], config)
    return Drawing("llama", config, turn)


def draw_mistral(draw, family="mistral"):
    config = draw_shape(draw)
    turn = draw_rope(draw, ROPES, draw_head_dim(draw, config), config)
    if family == "mixtral" and config["rope_parameters"]["rope_type"] != "default":
        config.setdefault("head_dim", config["hidden_size"] // config["num_attention_heads"])  # the reference needs it
    window = draw_window(draw, config)
    return Drawing(family, config, draw.choice((turn, window)))


def draw_ministral(draw):
    config = draw_shape(draw)
    config["head_dim"] = 2 * draw.randint(2, 20)  # the reference cannot do without
    turn = draw_rope(draw, ROPES, config["head_dim"], config)
    config["sliding_window"] = draw.randint(1, 40)  # nor without a window
    if draw.random() < 0.7:
        draw_layer_types(draw, config)
    return Drawing("ministral", config, draw.choice((turn, config["sliding_window"])))


def draw_mixtral(draw):
    drawing = draw_mistral(draw, "mixtral")
    experts = draw.choice((1, 2, 3, 4, 5, 8, 8))
    drawing.config.update(num_local_experts=experts, num_experts_per_tok=draw.randint(1, min(experts, 4)),
                          intermediate_size=draw.randint(3, 60))
    return drawing


def draw_qwen2(draw):
    config = draw_shape(draw)
    turn = draw_rope(draw, ROPES, config["hidden_size"] // config["num_attention_heads"], config)
    return Drawing("qwen2", config, draw.choice((turn, draw_upper_window(draw, config))))


def draw_qwen3(draw):
    config = draw_shape(draw)
    config.update(head_dim=draw.choice((2 * draw.randint(2, 20), 2 * draw.randint(2, 20), 128)),
                  attention_bias=draw.random() < 0.4)
    turn = draw_rope(draw, ROPES, config["head_dim"], config)
    return Drawing("qwen3", config, draw.choice((turn, draw_upper_window(draw, config))))


def even_shares(head_dim, shares):
    return [share for share in shares if int(head_dim * share) % 2 == 0 and head_dim * share >= 2] or [1.0]


def draw_phi(draw):
    config = draw_shape(draw, "layer_norm_eps")
    head_dim = config["hidden_size"] // config["num_attention_heads"]
    partial = draw.choice(even_shares(head_dim, (1.0, 0.75, 0.5, 0.5, 0.4, 0.25)))
    turn = draw_rope(draw, ROPES, int(head_dim * partial), config)
    config["rope_parameters"]["partial_rotary_factor"] = partial
    config["qk_layernorm"] = draw.random() < 0.5
    return Drawing("phi", config, turn)


def draw_phi3(draw):
    config = draw_shape(draw)
    head_dim = config["hidden_size"] // config["num_attention_heads"]
    kinds = draw.choice((("default",), ("longrope",), ("longrope",)))
    if kinds == ("default",) and draw.random() < 0.3:
        head_dim = config["head_dim"] = 2 * draw.randint(2, 20)
    partial = draw.choice(even_shares(head_dim, (1.0, 0.75, 0.5, 0.25)))
    turn = draw_rope(draw, kinds, int(head_dim * partial), config)
    config["rope_parameters"]["partial_rotary_factor"] = partial
    if turn is not None:  # for this family the field of the config itself counts
        config["original_max_position_embeddings"] = turn
    return Drawing("phi3", config, draw.choice((turn, draw_window(draw, config))))


def draw_starcoder2(draw):
    config = draw_shape(draw, "norm_epsilon")
    turn = draw_rope(draw, ROPES, config["hidden_size"] // config["num_attention_heads"], config)
    config["use_bias"] = draw.random() < 0.6
    return Drawing("starcoder2", config, draw.choice((turn, draw_window(draw, config))))


def draw_gpt2(draw, family="gpt2"):
    shape = draw_shape(draw, "layer_norm_epsilon", even_split=False)
    names = {"hidden_size": "n_embd", "num_attention_heads": "n_head", "num_hidden_layers": "n_layer",
             "intermediate_size": "n_inner", "hidden_act": "activation_function"}
    config = {names.get(name, name): value for name, value in shape.items()
              if name not in ("num_key_value_heads", "max_position_embeddings")}
    config.update(n_positions=draw.randint(60, 140), scale_attn_weights=draw.random() < 0.8)
    if draw.random() < 0.4:
        config["n_inner"] = None
    if family == "gpt2":
        config.update(scale_attn_by_inverse_layer_idx=draw.random() < 0.4, reorder_and_upcast_attn=draw.random() < 0.4)
    else:
        config["multi_query"] = draw.random() < 0.5
    return Drawing(family, config, longest=config["n_positions"])


def draw_gpt_bigcode(draw):
    return draw_gpt2(draw, "gpt_bigcode")


FAMILIES = {"llama": draw_llama, "mistral": draw_mistral, "ministral": draw_ministral, "mixtral": draw_mixtral,
            "qwen2": draw_qwen2, "qwen3": draw_qwen3, "phi": draw_phi, "phi3": draw_phi3,
            "starcoder2": draw_starcoder2, "gpt_bigcode": draw_gpt_bigcode, "gpt2": draw_gpt2}


# -- how the files are written -----------------------------------------------------------------------------------


def leave_out_defaults(draw, config_class, config):
    """The same config.json without some fields whose value the config class assumes anyway."""
    silent = config_class()
    kept = {name: value for name, value in config.items()
            if name not in OPTIONAL or value != getattr(silent, name, object()) or draw.random() < 0.3}
    rope = config.get("rope_parameters")
    theta = getattr(config_class, "default_theta", None)
    if rope == {"rope_type": "default", "rope_theta": theta}:
        del kept["rope_parameters"]
    return kept


def make_checkpoint(draw, folder, drawing):
    """Writes the folder in one of the ways that exporters have; returns tags of what was drawn."""
    family, config = drawing.family, drawing.config
    dtype = draw.choice(("f32", "bf16", "f16"))
    shards = draw.choice((None, None, 30_000))
    published = family == "mixtral" and draw.random() < 0.6
    hf.make_checkpoint(folder, family, dict(config), draw.randrange(2**31), dtype, shards, published)
    tags = [dtype] + (["sharded"] if shards else []) + (["published names"] if published else [])
    written = hf.read_json(folder / "config.json")
    if config.get("tie_word_embeddings") and not shards and draw.random() < 0.4:
        hf.add_tensors(folder, {"lm_head.weight": hf.tied_table(folder)})
        tags.append("stored tied head")
    elif config.get("tie_word_embeddings") and draw.random() < 0.3:
        if family != "phi" and not published:  # a head with a bias is no part of the decoder
            hf.drop_prefix(folder, "transformer." if "n_embd" in config else "model.")
            tags.append("decoder names")
    if draw.random() < 0.4:
        written = leave_out_defaults(draw, type(hf.AutoConfig.for_model(family)), written)
        tags.append("defaults left out")
    spelling = draw.choice((None, "rope_type", "type"))
    if spelling:
        written = hf.old_spelling(written, spelling)
        tags.append("old spelling")
    hf.write_json(folder / "config.json", written)
    return tags + features(drawing)


def features(drawing):
    """Words for the table of what was covered."""
    config = drawing.config
    read = hf.AutoConfig.for_model(drawing.family, **config)
    heads, kv_heads = read.num_attention_heads, getattr(read, "num_key_value_heads", read.num_attention_heads)
    words = ["MHA" if kv_heads == heads else "MQA" if kv_heads == 1 else "GQA"]
    words.append("act " + config.get("hidden_act", config.get("activation_function")))
    rope = config.get("rope_parameters")
    if rope:
        words.append("rope " + rope["rope_type"])
        words += ["partial rotary"] if rope.get("partial_rotary_factor", 1) != 1 else []
    words += [name for name in SWITCHES if config.get(name)]
    words += ["no " + name for name in OFF_SWITCHES if config.get(name) is False]
    words += ["head_dim"] if "head_dim" in config else []
    words += [f"experts {config['num_experts_per_tok']} of {config['num_local_experts']}"] if "num_local_experts" in config else []
    return words
