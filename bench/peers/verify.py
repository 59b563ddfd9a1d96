"""Checks that a GGUF made by to_gguf.py is the model that its checkpoint is: logits of llama.cpp beside Firstlight's.

Usage: verify.py FIRSTLIGHT CHECKPOINT MODEL.gguf [POLICY]

Firstlight runs under POLICY (f32 by default). Prints the normalised mean square error and how often the largest logit
is the same; fails when the error is above 0.02 or fewer than 90 % agree. Meant for the BF16 file, whose weights are the
checkpoint's own (llama.cpp rounds activations, so the bits differ); Q8_0 and Q4_0 files come from the same code, and their
errors are those of the formats.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import measure
from checkpoint import DTYPES
from llama_cpp_model import Model

TOKENS = 48


def firstlight_logits(program, checkpoint, policy, ids):
    with tempfile.TemporaryDirectory() as folder:
        given = pathlib.Path(folder) / "ids.json"
        out = pathlib.Path(folder) / "logits.safetensors"
        given.write_text(json.dumps(ids))
        subprocess.run([program, "logits", checkpoint, "--ids", given, "--out", out, "--policy", policy, "--quiet",
                        "--cache-dir", "none"], check=True, stdout=subprocess.DEVNULL)
        raw = out.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        entry = json.loads(raw[8:8 + length])["logits"]
        begin, end = entry["data_offsets"]
        return np.frombuffer(raw[8 + length + begin:8 + length + end], DTYPES[entry["dtype"]]).reshape(entry["shape"])


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    program, checkpoint, gguf = sys.argv[1:4]
    policy = sys.argv[4] if len(sys.argv) == 5 else "f32"
    model = Model(gguf, 1, 256, 2)
    ids = measure.random_ids(TOKENS, model.vocabulary)
    model.run([(token, position, 0) for position, token in enumerate(ids)], set(range(TOKENS)))
    theirs = np.stack([model.logits(row) for row in range(TOKENS)])
    ours = firstlight_logits(program, checkpoint, policy, ids)
    error = float(((theirs - ours) ** 2).sum() / (ours ** 2).sum())
    same = float((theirs.argmax(1) == ours.argmax(1)).mean())
    print(f"NMSE {error:.2e}, same largest logit {100 * same:.1f} %")
    sys.exit(0 if error < 0.02 and same >= 0.9 else 1)


if __name__ == "__main__":
    main()
