"""Tensors of a safetensors checkpoint (one file or shards), one at a time, as f32 arrays; nothing but numpy."""

import json
import pathlib

import numpy as np

DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2"), "F64": np.dtype("<f8")}


class Checkpoint:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        index = folder / "model.safetensors.index.json"
        single = folder / "model.safetensors"
        files = [single] if single.exists() else sorted(
            folder / name for name in set(json.loads(index.read_text())["weight_map"].values()))
        self.place = {}  # name -> file, entry, start of the data
        for file in files:
            with file.open("rb") as stream:
                length = int.from_bytes(stream.read(8), "little")
                header = json.loads(stream.read(length))
            for name, entry in header.items():
                if name != "__metadata__":
                    self.place[name] = (file, entry, 8 + length)

    def read(self, name):
        file, entry, data = self.place.pop(name)
        begin, end = entry["data_offsets"]
        dtype = DTYPES[entry["dtype"]]
        raw = np.fromfile(file, dtype=dtype, count=(end - begin) // dtype.itemsize, offset=data + begin)
        if entry["dtype"] == "BF16":
            raw = (raw.astype(np.uint32) << 16).view(np.float32)
        return raw.astype(np.float32, copy=False).reshape(entry["shape"])

    def unread(self):
        return sorted(self.place)
