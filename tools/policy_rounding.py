"""Rounds a model's weights as a named precision policy stores them, for goldens of policies: a second implementation.

Linear weights are rounded as the devices store them, transposed to [inputs, outputs], block floats in blocks of 16 along the
outputs; tables in bf16; norms, biases and routers stay. A tied table has the head's format.
"""

import torch
from transformers.pytorch_utils import Conv1D

BITS = {"bfp8": 7, "bfp4": 3}  # of a magnitude
BLOCK = 16


def round_blocks(values, bits):
    """f32 [..., N]: blocks of 16 along N share the largest exponent; round to nearest even, the largest code at most."""
    count = values.shape[-1]
    padded = torch.nn.functional.pad(values, (0, -count % BLOCK)).unflatten(-1, (-1, BLOCK))
    words = padded.contiguous().view(torch.int32)
    field = (words >> 23) & 0xFF
    shared = field.amax(-1, keepdim=True)
    significand = torch.where(field > 0, (words & 0x7FFFFF) | 0x800000, 0)
    cut = significand >> (shared - field).clamp(max=24)
    codes = (cut.double() / 2 ** (24 - bits)).round().clamp(max=2**bits - 1)  # torch rounds halves to even
    rounded = codes * 2.0 ** (shared.double() - 127 - (bits - 1)) * torch.where(words < 0, -1.0, 1.0)
    return rounded.flatten(-2)[..., :count].to(values.dtype)


def round_values(values, format_name):
    """f32 [..., N] as `format_name` stores it."""
    if format_name == "bf16":
        return values.to(torch.bfloat16).to(values.dtype)
    return round_blocks(values, BITS[format_name])


def by_part(config):
    """The order of outputs of a head-by-head fused projection once queries, keys and values stand together."""
    heads, dim = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    return torch.arange(3 * heads * dim).view(heads, 3, dim).transpose(0, 1).flatten()


def round_linear(weight, format_name, order=None):
    """weight [..., N, K]."""
    inputs_first = weight.transpose(-1, -2)
    if order is None:
        return round_values(inputs_first, format_name).transpose(-1, -2).contiguous()
    rounded = torch.empty_like(inputs_first)
    rounded[..., order] = round_values(inputs_first[..., order], format_name)
    return rounded.transpose(-1, -2).contiguous()


@torch.no_grad()
def round_model(model, format_name):
    """Rounds the weights of an f32 model in place."""
    tied = model.config.tie_word_embeddings
    head = model.get_output_embeddings()
    order = by_part(model.config) if getattr(model.config, "multi_query", True) is False else None
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Embedding):
            shares_head = tied and module is model.get_input_embeddings()
            rounded = round_linear(module.weight, format_name) if shares_head else round_values(module.weight, "bf16")
            module.weight.copy_(rounded)
        elif isinstance(module, Conv1D):
            module.weight.copy_(round_values(module.weight, format_name))
        elif isinstance(module, torch.nn.Linear) and not (tied and module is head):
            module.weight.copy_(round_linear(module.weight, format_name, order if name.endswith("c_attn") else None))
        elif type(module).__name__.endswith("Experts"):
            module.gate_up_proj.copy_(round_halves(module.gate_up_proj, format_name))
            module.down_proj.copy_(round_linear(module.down_proj, format_name))


def round_halves(stacked, format_name):
    """[E, 2 I, H]: gate and up are matrices of their own."""
    return torch.cat([round_linear(half, format_name) for half in stacked.chunk(2, dim=1)], dim=1)
