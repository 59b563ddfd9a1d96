#!/usr/bin/env python3
"""Compares logits that Firstlight wrote with those of the Hugging Face implementation on the same checkpoint and ids.

firstlight logits MODEL --ids ids.json --device ref --policy f32 --out logits.safetensors
/opt/flvenv/bin/python tools/compare_with_hf.py MODEL --ids ids.json --logits logits.safetensors [--bar 1e-9]
"""

import argparse
import sys

import torch
from safetensors.torch import load_file

import hf_reference as hf


def read_logits(path, rows, columns):
    """The tensor `logits`, f32 [T, V], every entry finite; anything else is an error that says what was found."""
    tensors = load_file(path)
    if "logits" not in tensors:
        raise ValueError(f"{path}: no tensor `logits`, only {sorted(tensors)}")
    logits = tensors["logits"]
    if logits.dtype != torch.float32 or tuple(logits.shape) != (rows, columns):
        raise ValueError(f"{path}: logits are {logits.dtype} {tuple(logits.shape)}, expected float32 {(rows, columns)}")
    if not torch.isfinite(logits).all():
        raise ValueError(f"{path}: {int((~torch.isfinite(logits)).sum())} entries of logits are NaN or infinite")
    return logits


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="checkpoint folder")
    parser.add_argument("--ids", required=True, help="JSON list of token ids")
    parser.add_argument("--logits", required=True, help="safetensors file with one f32 tensor `logits` [T, V]")
    parser.add_argument("--bar", type=float, help="exit 1 if the NMSE against f64 is above this")
    options = parser.parse_args()
    ids = hf.read_json(options.ids)
    want = hf.forward(hf.load(options.model, "f64"), ids)["logits"]
    try:
        got = read_logits(options.logits, len(ids), want.shape[1])
    except ValueError as error:
        sys.exit(f"compare_with_hf: {error}")
    single = hf.forward(hf.load(options.model, "f32"), ids)["logits"]
    print(f"T = {len(ids)}, V = {want.shape[1]}, transformers {hf.versions()['transformers']}")
    for name, left, right in (("ours against HF f64", got, want), ("ours against HF f32", got, single),
                              ("HF f32 against HF f64", single, want)):
        furthest = float((left.double() - right.double()).abs().max())
        print(f"{name:22}  NMSE {hf.nmse(left, right):.3e}  max abs {furthest:.3e}",
              f"argmax {hf.agreement(left, right):.2%}", sep="  ")
    if options.bar is not None and hf.nmse(got, want) > options.bar:
        sys.exit(f"compare_with_hf: NMSE above {options.bar:g}")


if __name__ == "__main__":
    main()
