#!/usr/bin/env python3
"""Writes tests/data/io: small files of torch.save that the io tests read. Needs torch; run it from the checkout."""
import pathlib
import zipfile

import torch

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "io"


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(3)
    OUT.mkdir(parents=True, exist_ok=True)

    # The reference file of the stack's accuracy tests: 6 tokens, 5 rows.
    tokens = torch.tensor([[1, 15, 7, 2000, 7, 31999]], dtype=torch.int64)
    top5 = torch.arange(25, dtype=torch.int64).reshape(5, 5) * 3 + 1
    torch.save({"reference_tokens": tokens, "top5_tokens": top5}, OUT / "small.refpt")

    # Every storage type, strides, a shared storage with an offset, a parameter, nesting and values that are no tensors.
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    module = torch.nn.Linear(2, 3)
    with torch.no_grad():
        module.weight.copy_(torch.arange(6).reshape(3, 2))
        module.bias.copy_(torch.tensor([0.5, -1.0, 2.0]))
    torch.save(
        {
            "base": base,
            "transposed": base.t(),
            "row": base[1],
            "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
            "bf16": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
            "double": torch.tensor([0.1], dtype=torch.float64),
            "int": torch.tensor([-7, 8], dtype=torch.int32),
            "byte": torch.tensor([0, 255], dtype=torch.uint8),
            "bool": torch.tensor([True, False]),
            "scalar": torch.tensor(4.25),
            "empty": torch.zeros(0, 3),
            "parameter": torch.nn.Parameter(torch.tensor([9.0])),
            "module": module.state_dict(),
            "list": [torch.tensor([1.0]), 5, torch.tensor([2.0])],
            "epoch": 3,
            "rate": 0.5,
            "note": "hello",
            "large": 1 << 40,
            "nothing": None,
        },
        OUT / "state.pt",
    )

    # The same reference file with deflated entries.
    with zipfile.ZipFile(OUT / "small.refpt") as source, zipfile.ZipFile(OUT / "deflated.refpt", "w") as target:
        for info in source.infolist():
            entry = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            target.writestr(entry, source.read(info.filename), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
