"""Writes a checkpoint of the Llama layout as GGUF, every matrix in one format, so that bits per weight are equal.

Usage: to_gguf.py CHECKPOINT OUT.gguf BF16|Q8_0|Q4_0

Names, metadata keys and the reordering of q and k are those of llama.cpp's own converter (convert_hf_to_gguf.py,
LlamaModel): GGUF's rotation takes neighbouring pairs, Hugging Face's the two halves of a head. There is no tokenizer in
the file ("none"): token ids go in, logits come out. llama.cpp's quantiser would keep a tied table in Q6_K under Q4_0;
here it is Q4_0 as the rest, as our policies store it.
"""

import sys

import gguf
import numpy as np

from checkpoint import Checkpoint

LAYER = {  # Hugging Face -> GGUF, below model.layers.N and blk.N
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
FILE_TYPES = {"BF16": gguf.LlamaFileType.MOSTLY_BF16, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
              "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0}
CHUNK_ROWS = 4096  # quantised at once: numpy's temporaries stay small


def to_neighbours(weight, heads):
    """Rows of each head from (half, half) to interleaved pairs."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def stored(tensor, kind):
    if tensor.ndim == 1:
        return tensor, gguf.GGMLQuantizationType.F32
    parts = [gguf.quants.quantize(np.ascontiguousarray(tensor[i:i + CHUNK_ROWS]), kind)
             for i in range(0, tensor.shape[0], CHUNK_ROWS)]
    return np.concatenate(parts), kind


def convert(folder, out, kind_name):
    checkpoint = Checkpoint(folder)
    config = checkpoint.config
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads", heads)
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
    if config["model_type"] != "llama" or config.get("rope_scaling"):
        sys.exit(f"{folder}: model_type llama without rope_scaling is expected")
    kind = gguf.GGMLQuantizationType[kind_name]

    writer = gguf.GGUFWriter(out, "llama", use_temp_file=True)
    writer.add_name("synthetic")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    writer.add_file_type(FILE_TYPES[kind_name])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)

    def add(name, tensor):
        data, data_kind = stored(tensor, kind)
        writer.add_tensor(name, data, raw_dtype=data_kind)

    add("token_embd.weight", checkpoint.read("model.embed_tokens.weight"))
    for layer in range(config["num_hidden_layers"]):
        for theirs, ours in LAYER.items():
            tensor = checkpoint.read(f"model.layers.{layer}.{theirs}.weight")
            if ours == "attn_q":
                tensor = to_neighbours(tensor, heads)
            if ours == "attn_k":
                tensor = to_neighbours(tensor, kv_heads)
            add(f"blk.{layer}.{ours}.weight", tensor)
    add("output_norm.weight", checkpoint.read("model.norm.weight"))
    if not config.get("tie_word_embeddings"):
        add("output.weight", checkpoint.read("lm_head.weight"))
    if checkpoint.unread():
        sys.exit(f"{folder}: tensors without a place in GGUF: {', '.join(checkpoint.unread())}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[3] not in FILE_TYPES:
        sys.exit(__doc__)
    convert(*sys.argv[1:])
