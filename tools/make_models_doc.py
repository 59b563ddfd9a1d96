#!/usr/bin/env python3
"""Writes docs/models.md from the model list and the last parity record. Needs Python alone.

scripts/parity --cases 330 --seed 1 --record docs/parity.json && python3 tools/make_models_doc.py [BINARY]
"""

import collections
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORAGE = ("f32", "bf16", "f16", "sharded", "old spelling", "defaults left out", "stored tied head", "decoder names",
           "published names")


def number(value):
    return "-" if value is None else f"{value:.1e}"


def rows_of(table, architecture):
    rows = collections.defaultdict(dict)
    for line in table:
        if line["architecture"] == architecture:
            rows[line["feature"]][line["device"]] = line
    return rows


def golden_counts():
    counts = collections.Counter()
    for path in sorted((ROOT / "tests" / "golden").glob("*/golden.json")):
        golden = json.loads(path.read_text(encoding="utf-8"))
        counts[golden["features"][0]] += len(golden["runs"])
    return counts


def section(model, rows, devices):
    lines = [f"## {model['model_type']}", "", f"{model['summary']} (`{model['architecture']}`).", "",
             "| feature | cases | " + " | ".join(f"worst NMSE, {device}" for device in devices) + " |",
             "| --- | --- |" + " --- |" * len(devices)]
    for feature in sorted(rows, key=lambda name: (name != "all", name in STORAGE, name)):
        cells = [number(rows[feature].get(device, {}).get("worst_nmse")) for device in devices]
        cases = next(iter(rows[feature].values()))["cases"]
        lines.append(f"| {feature} | {cases} | " + " | ".join(cells) + " |")
    return lines + [""]


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release" / "bin" / "firstlight"
    models = json.loads(subprocess.run([str(binary), "list", "models", "--json"], capture_output=True, check=True).stdout)
    record = json.loads((ROOT / "docs" / "parity.json").read_text(encoding="utf-8"))
    table, devices = record["table"], sorted({line["device"] for line in record["table"]}, reverse=True)
    goldens = golden_counts()
    unknown = {line["architecture"] for line in table} - {model["model_type"] for model in models}
    if unknown:
        sys.exit(f"make_models_doc: docs/parity.json has architectures that the program lacks: {sorted(unknown)}")
    made = ", ".join(f"{name} {version}" for name, version in record["made_with"].items())
    lines = ["# Models", "",
             "Made by tools/make_models_doc.py from `firstlight list models` and docs/parity.json, the record of a run of",
             f"`scripts/parity` ({record['cases']} random checkpoints, seed {record['seed']}, {len(record['missed'])} missed;"
             f" {made}).", "",
             "NMSE is sum((ours - theirs)^2) / sum(theirs^2) over the logits of a whole text under policy `f32`, against the",
             "Hugging Face implementation in float64. The bars are 1e-10 on `ref` and 1e-9 on the others. Texts are the committed",
             "goldens of tests/golden, which the tests hold to the same bars with hidden states and greedy tokens. Ids: the likeliest",
             "one after each token of the text; greedy ids: the continuation that `generate` finds token by token, on each device.", "",
             "| architecture | models | golden texts | random checkpoints | "
             + " | ".join(f"worst, {device}" for device in devices) + " | differing ids | greedy ids | differing |",
             "| --- | --- | --- | --- |" + " --- |" * (len(devices) + 3)]
    for model in models:
        rows = rows_of(table, model["model_type"]).get("all", {})
        cells = [number(rows.get(device, {}).get("worst_nmse")) for device in devices]
        cases = next(iter(rows.values()))["cases"] if rows else 0
        wrong, greedy, wrong_greedy = (sum(line[name] for line in rows.values())
                                       for name in ("wrong_ids", "greedy", "wrong_greedy"))
        lines.append(f"| {model['model_type']} | {model['summary']} | {goldens[model['model_type']]} | {cases} | "
                     + " | ".join(cells) + f" | {wrong} | {greedy} | {wrong_greedy} |")
    lines.append("")
    for model in models:
        rows = rows_of(table, model["model_type"])
        if rows:
            lines += section(model, rows, devices)
    (ROOT / "docs" / "models.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
