"""Random checkpoints, and what the Hugging Face implementation computes on a checkpoint: shared by the tools here."""

import contextlib
import json
import math
import os
import types
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.pytorch_utils import Conv1D

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
QUERY_KEY_NAMES = ("q_proj", "k_proj", "qkv_proj", "c_attn")
LENGTH_DEPENDENT = ("dynamic", "longrope")  # their frequencies depend on how long the text is


# -- making a checkpoint ---------------------------------------------------------------------------------------------


def randomise(model, seed):
    """Fills every parameter so that each part matters: peaked attention, noisy norms, biases, logits of a few units."""
    generator = torch.Generator().manual_seed(seed)
    hidden = model.config.hidden_size
    tied = model.config.tie_word_embeddings
    transposed = {name + ".weight" for name, module in model.named_modules() if isinstance(module, Conv1D)}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(".bias"):
                parameter.copy_(0.3 * noise)
            elif parameter.dim() == 1:  # of a norm
                parameter.copy_(1.0 + 0.2 * noise)
            elif "embed_tokens" in name or "wte" in name:
                parameter.copy_((2.5 / math.sqrt(hidden) if tied else 0.5) * noise)
            elif "wpe" in name:
                parameter.copy_(0.2 * noise)
            elif "lm_head" in name:
                parameter.copy_(2.5 / math.sqrt(hidden) * noise)
            else:  # a projection [N, K]; those that make queries and keys are larger, so that attention is not uniform
                gain = 1.6 if any(part in name for part in QUERY_KEY_NAMES) else 1.2
                inputs = parameter.shape[0 if name in transposed else -1]
                parameter.copy_(gain / math.sqrt(inputs) * noise)


def make_checkpoint(folder, model_type, config_fields, seed, dtype="f32", shard_bytes=None, published=False):
    """Writes a random checkpoint as `save_pretrained` does: config.json and one or more safetensors files.
    `published`: experts as published checkpoints name them, each matrix apart."""
    config = AutoConfig.for_model(model_type, **config_fields)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    randomise(model, seed)
    model = model.to(DTYPES[dtype])
    sizes = {} if shard_bytes is None else {"max_shard_size": shard_bytes}
    model.save_pretrained(folder, **sizes)
    if published:
        split_experts(folder)
    (Path(folder) / "generation_config.json").unlink(missing_ok=True)


def old_spelling(config, type_key="rope_type"):
    """The same config.json as transformers 4 spelt it: `rope_theta` and `rope_scaling` instead of `rope_parameters`."""
    old = dict(config)
    if "rope_parameters" in old:
        old_rope(old, type_key)
    if "dtype" in old:
        old["torch_dtype"] = old.pop("dtype")
    return old


def old_rope(old, type_key):
    rope = dict(old.pop("rope_parameters"))
    old["rope_theta"] = rope.pop("rope_theta")
    partial = rope.pop("partial_rotary_factor", None)
    if partial is not None:
        old["partial_rotary_factor"] = partial
    if "original_max_position_embeddings" in old:  # a field of the config itself wins over the one in the dict
        rope.pop("original_max_position_embeddings", None)
    kind = rope.pop("rope_type")
    old["rope_scaling"] = None if kind == "default" else {type_key: kind, **rope}


def tied_table(folder):
    """The embedding of an unsharded checkpoint."""
    tensors = load_file(Path(folder) / "model.safetensors")
    return next(tensor for name, tensor in tensors.items() if name.endswith(("embed_tokens.weight", "wte.weight"))).clone()


def rewrite_tensors(folder, change):
    """Replaces each stored tensor by those that change(name, tensor) yields, file by file."""
    index_path = Path(folder) / "model.safetensors.index.json"
    weight_map = {}
    for path in sorted(Path(folder).glob("model*.safetensors")):
        tensors = {}
        for name, tensor in load_file(path).items():
            tensors.update(change(name, tensor))
        save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, path,
                  metadata={"format": "pt"})
        weight_map.update({name: path.name for name in tensors})
    if index_path.exists():
        write_json(index_path, {**read_json(index_path), "weight_map": dict(sorted(weight_map.items()))})


def split_experts(folder):
    """Mixtral's published names: one matrix a tensor below `block_sparse_moe`."""

    def change(name, tensor):
        name = name.replace(".mlp.", ".block_sparse_moe.")
        if name.endswith("experts.gate_up_proj"):
            half = tensor.shape[1] // 2
            for expert, both in enumerate(tensor):
                yield name.replace("gate_up_proj", f"{expert}.w1.weight"), both[:half]
                yield name.replace("gate_up_proj", f"{expert}.w3.weight"), both[half:]
        elif name.endswith("experts.down_proj"):
            for expert, down in enumerate(tensor):
                yield name.replace("down_proj", f"{expert}.w2.weight"), down
        else:
            yield name, tensor

    rewrite_tensors(folder, change)


def drop_prefix(folder, prefix):
    """The names of an export of the decoder alone (GPT-2's published files)."""
    rewrite_tensors(folder, lambda name, tensor: [(name.removeprefix(prefix), tensor)])


def add_tensors(folder, tensors):
    """Adds tensors to an unsharded checkpoint, as older exporters did (a stored tied head, rotary buffers)."""
    path = Path(folder) / "model.safetensors"
    save_file({**load_file(path), **tensors}, path, metadata={"format": "pt"})


# -- running it --------------------------------------------------------------------------------------------------


def _rms_norm_f64(self, hidden_states):
    """x / sqrt(mean(x^2) + eps) * weight without the detour over f32 that transformers takes at every dtype."""
    variance = hidden_states.pow(2).mean(-1, keepdim=True)
    return self.weight * (hidden_states * torch.rsqrt(variance + self.variance_epsilon))


def _attention_f64(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
    """The eager attention of transformers with its softmax in f64 instead of f32."""
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scores = query @ key.transpose(2, 3) * scaling  # [B, H, T, S]
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = torch.softmax(scores, dim=-1)
    return (weights @ value).transpose(1, 2).contiguous(), weights


ALL_ATTENTION_FUNCTIONS.register("eager_f64", _attention_f64)
ALL_MASK_ATTENTION_FUNCTIONS.register("eager_f64", eager_mask)


def load(folder, precision):
    """A fresh model (RoPE keeps state between calls). Precision: `f32`; `f64` = everything but the RoPE tables in f64;
    `double` = model.double() as it comes, whose norms and softmax still round to f32."""
    implementation = "eager_f64" if precision == "f64" else "eager"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation=implementation,
                                                 experts_implementation="eager").eval()
    if precision == "f32":
        return model
    model = model.double()
    for module in model.modules():
        if hasattr(module, "reorder_and_upcast_attn"):
            module.reorder_and_upcast_attn = False  # the same sums, written for f32 alone
    if precision == "f64":
        for module in model.modules():
            if type(module).__name__.endswith("RMSNorm"):
                module.forward = types.MethodType(_rms_norm_f64, module)
    return model


def layers_and_norm(model):
    """The decoder's layers and the norm after them, whatever the family calls them."""
    decoder = model.transformer if hasattr(model, "transformer") else model.model
    layers = decoder.h if hasattr(decoder, "h") else decoder.layers
    norm = next(getattr(decoder, name) for name in ("norm", "final_layernorm", "ln_f") if hasattr(decoder, name))
    return layers, norm


@contextlib.contextmanager
def router_gaps(model):
    """A list that grows while the model runs: differences of the last chosen and the first rejected probability."""
    gaps, handles = [math.inf], []

    def look(router, _, out):
        best = torch.softmax(out[0].double(), -1).topk(min(router.top_k + 1, router.num_experts), -1).values
        if best.shape[-1] > router.top_k:
            gaps.append(float((best[..., -2] - best[..., -1]).min()))

    for module in model.modules():
        if type(module).__name__.endswith("TopKRouter"):
            handles.append(module.register_forward_hook(look))
    yield gaps
    for handle in handles:
        handle.remove()


@torch.no_grad()
def routing_gap(model, ids):
    """The smallest such difference of a text; inf without routers."""
    with router_gaps(model) as gaps:
        model(input_ids=torch.tensor([ids]), use_cache=False)
        return min(gaps)


@torch.no_grad()
def forward(model, ids):
    """logits [T, V]; hidden_states [L + 1, T, H]: the embedding, then each layer's output; final_norm [T, H]."""
    states, handles = [], []
    layers, norm = layers_and_norm(model)
    handles.append(layers[0].register_forward_pre_hook(
        lambda _, args, kwargs: states.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True))
    for layer in layers:
        handles.append(layer.register_forward_hook(
            lambda _, args, out: states.append(out[0] if isinstance(out, tuple) else out)))
    final = []
    handles.append(norm.register_forward_hook(lambda _, args, out: final.append(out)))
    logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits
    for handle in handles:
        handle.remove()
    return {"logits": logits[0], "hidden_states": torch.cat(states), "final_norm": final[0][0]}


def declare_length(model, length):
    """Fixes length dependent frequencies for `length` tokens, as Firstlight's states do, by transformers' formula."""
    rotary = getattr(getattr(model, "model", None), "rotary_emb", None)
    if rotary is None or rotary.rope_type not in LENGTH_DEPENDENT:
        return
    rope = model.config.rope_parameters
    limit = (rope["original_max_position_embeddings"] if rotary.rope_type == "longrope"
             else model.config.max_position_embeddings)
    seq_len = torch.tensor(length) if length > limit else None  # a tensor, as transformers passes it while it runs
    frequencies, rotary.attention_scaling = ROPE_INIT_FUNCTIONS[rotary.rope_type](model.config, seq_len=seq_len)
    rotary.register_buffer("inv_freq", frequencies, persistent=False)
    rotary.rope_type = "default"  # keeps the forward pass from choosing again


@torch.no_grad()
def greedy_rows(model, ids, count):
    """The rows of logits [V] that `count` greedy ids are the largest of, as for a cache declared for T + count tokens.
    The whole text is computed each time: the cache of transformers 5.23 keeps every key where the window is 1."""
    declare_length(model, len(ids) + count)
    text = list(ids)
    for _ in range(count):
        row = model(input_ids=torch.tensor([text]), use_cache=False).logits[0, -1]
        text.append(int(row.argmax()))
        yield row


def greedy(model, ids, count):
    """`count` greedy ids, and the smallest gap between best two logits."""
    best = [row.topk(2) for row in greedy_rows(model, ids, count)]
    return ([int(step.indices[0]) for step in best],
            min((float(step.values[0] - step.values[1]) for step in best), default=math.inf))


def nmse(got, want):
    """sum((got - want)^2) / sum(want^2), in f64."""
    got, want = got.double(), want.double()
    return float(((got - want) ** 2).sum() / (want**2).sum())


def agreement(got, want):
    """Share of rows whose largest entry is the same."""
    return float((got.argmax(-1) == want.argmax(-1)).double().mean())


def read_json(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def versions():
    return {"torch": torch.__version__, "transformers": transformers.__version__}
