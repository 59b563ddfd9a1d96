#!/usr/bin/env python3
"""Draws random checkpoints and holds the program's logits to the Hugging Face implementation on each.

/opt/flvenv/bin/python tools/live_parity.py --cases 50 --seed 1 --binary build/release/bin/firstlight [--case 7]

Case I of seed S is always the same checkpoint and text, whichever cases run. A missed case's folder is kept.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import hf_reference as hf
from compare_with_hf import read_logits

BARS = {"ref": 1e-10}  # NMSE against f64; a device without a row has OTHER_BAR
OTHER_BAR = 1e-9
ACTIVATIONS = ("silu", "gelu", "gelu_pytorch_tanh", "relu")
SWITCHES = ("attention_bias", "mlp_bias", "tie_word_embeddings", "sliding_window")
LONGEST = 96


def draw_shape(draw, even_split):
    """Odd sizes of every kind. `even_split`: hidden / heads must be even, since it is the head_dim. Fewer than 16
    hidden features would make the problem itself ill conditioned: there transformers' own f32 misses the bar."""
    heads = draw.randint(1, 8)
    least = -(-16 // heads)
    split = 2 * draw.randint(max(2, -(-least // 2)), 10) if even_split else draw.randint(max(3, least), 21)
    divisors = [number for number in range(1, heads + 1) if heads % number == 0]
    return {"num_attention_heads": heads, "num_key_value_heads": draw.choice(divisors), "hidden_size": heads * split,
            "intermediate_size": draw.randint(3, 131), "num_hidden_layers": draw.randint(1, 3),
            "vocab_size": draw.randint(7, 211), "tie_word_embeddings": draw.random() < 0.4,
            "hidden_act": draw.choice(ACTIVATIONS), "rms_norm_eps": 10.0 ** -draw.randint(2, 7),
            "max_position_embeddings": draw.randint(8, 200), "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


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


def draw_rope(draw, kind, rotary, config):
    """rope_parameters, and the length at which the type changes its mind (None: none)."""
    theta = draw.choice((10000.0, 500000.0, 1000.0, 123456.0))
    turn, fields = None, {}
    if kind == "linear":
        fields = {"factor": draw.choice((1.5, 4.0, 8.0))}
    elif kind == "dynamic":
        fields, turn = {"factor": draw.choice((2.0, 4.0))}, config["max_position_embeddings"]
    elif kind == "llama3":
        fields, turn = draw_llama3(draw)
        config["max_position_embeddings"] = max(config["max_position_embeddings"], turn + 1)
    elif kind == "yarn":
        fields, turn = draw_yarn(draw)
    elif kind == "longrope":
        fields, turn = draw_longrope(draw, rotary, config)
    return {"rope_type": kind, "rope_theta": theta, **fields}, turn


def draw_llama(draw):
    config = draw_shape(draw, even_split=False)
    config.update(head_dim=2 * draw.randint(2, 20), attention_bias=draw.random() < 0.5, mlp_bias=draw.random() < 0.5)
    kind = draw.choice(("default", "linear", "dynamic", "llama3", "yarn", "yarn", "longrope"))
    config["rope_parameters"], turn = draw_rope(draw, kind, config["head_dim"], config)
    return config, turn


def draw_phi3(draw):
    config = draw_shape(draw, even_split=True)
    head_dim = config["hidden_size"] // config["num_attention_heads"]
    kind = draw.choice(("default", "longrope", "longrope"))
    if kind == "default" and draw.random() < 0.3:
        head_dim = config["head_dim"] = 2 * draw.randint(2, 20)
    even = [share for share in (1.0, 0.75, 0.5, 0.25) if int(head_dim * share) % 2 == 0 and head_dim * share >= 2]
    partial = draw.choice(even)
    config["rope_parameters"], turn = draw_rope(draw, kind, int(head_dim * partial), config)
    config["rope_parameters"]["partial_rotary_factor"] = partial
    if turn is not None:  # for this family the field of the config itself counts
        config["original_max_position_embeddings"] = turn
    if draw.random() < 0.4:
        config["sliding_window"] = draw.randint(1, 40)
    return config, turn


FAMILIES = {"llama": draw_llama, "phi3": draw_phi3}


def make_case(folder, seed, index):
    """Writes checkpoint and ids.json; returns a one-line description and the ids."""
    draw = random.Random(f"{seed}:{index}")
    family = draw.choice(sorted(FAMILIES))
    config, turn = FAMILIES[family](draw)
    dtype = draw.choice(("f32", "bf16", "f16"))
    shards = draw.choice((None, None, 30_000))
    spelling = draw.choice((None, "rope_type", "type"))
    lengths = [1, 2, draw.randint(3, LONGEST), draw.randint(3, LONGEST)]
    if turn is not None:
        lengths += [length for length in (turn - 1, turn, turn + 1, turn + 17) if 1 <= length <= 2 * LONGEST]
    ids = [draw.randrange(config["vocab_size"]) for _ in range(draw.choice(lengths))]
    hf.make_checkpoint(folder, family, config, draw.randrange(2**31), dtype, shards)
    if spelling:
        hf.write_json(folder / "config.json", hf.old_spelling(hf.read_json(folder / "config.json"), spelling))
    hf.write_json(folder / "ids.json", ids)
    return describe(family, config, dtype, len(ids), turn, spelling, shards), ids


def describe(family, config, dtype, length, turn, spelling, shards):
    heads = f"{config['num_attention_heads']}/{config['num_key_value_heads']}"
    words = [f"{family:6} {config['rope_parameters']['rope_type']:8} {dtype:4}",
             f"H={config['hidden_size']:<3} heads={heads:4} T={length:<3}", config["hidden_act"]]
    words += [name for name in SWITCHES if config.get(name)]
    words += [f"turn={turn}"] if turn is not None else []
    words += [f"spelling={spelling}"] if spelling else []
    return " ".join(words + (["sharded"] if shards else []))


def bar(device):
    return BARS.get(device, OTHER_BAR)


def run_device(binary, folder, device, rows, columns):
    """The program's logits, or the text of what went wrong."""
    out = folder / f"logits_{device}.safetensors"
    command = [binary, "logits", folder, "--ids", folder / "ids.json", "--device", device, "--policy", "f32",
               "--out", out]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        return None, f"exit {result.returncode}: {result.stderr.strip()[-300:]}"
    try:
        return read_logits(out, rows, columns), ""
    except (ValueError, OSError) as error:
        return None, str(error)


def run_case(options, index, devices):
    """Prints the case's line; true if every device meets its bar."""
    folder = Path(tempfile.mkdtemp(prefix=f"live_parity_{options.seed}_{index}_"))
    text, ids = make_case(folder, options.seed, index)
    want = hf.forward(hf.load(folder, "f64"), ids)["logits"]
    single = hf.nmse(hf.forward(hf.load(folder, "f32"), ids)["logits"], want)
    cells, notes = [f"HF f32 {single:.1e}"], []
    for device in devices:
        got, problem = run_device(options.binary, folder, device, len(ids), want.shape[1])
        value = None if got is None else hf.nmse(got, want)
        cells.append(f"{device} failed" if got is None
                     else f"{device} {value:.1e} argmax {hf.agreement(got, want):4.0%}")
        if value is None or not value <= bar(device):
            notes.append(f"  MISS on {device}, bar {bar(device):g}, kept in {folder} {problem}")
    print(f"{index:3} {'  '.join(cells)}  {text}", *notes, sep="\n", flush=True)
    if not notes:
        shutil.rmtree(folder)
    return not notes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--case", type=int, help="run this one only")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--binary", default="build/release/bin/firstlight")
    parser.add_argument("--devices", default="ref,cpu")
    options = parser.parse_args()
    options.binary = Path(options.binary).resolve()
    if not options.binary.is_file():
        sys.exit(f"live_parity: no program at {options.binary}")
    cases = range(options.cases) if options.case is None else [options.case]
    devices = options.devices.split(",")
    print(f"seed {options.seed}, bars: " + ", ".join(f"{device} {bar(device):g}" for device in devices))
    missed = [index for index in cases if not run_case(options, index, devices)]
    tail = f", missed {missed}" if missed else ""
    print(f"seed {options.seed}: {len(cases) - len(missed)} of {len(cases)} passed{tail}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
