#!/usr/bin/env python3
"""Draws random checkpoints and holds the program's logits and greedy ids to the Hugging Face implementation on each.

scripts/parity --cases 50 [--seed 1] [--architecture phi] [--case 7] [--binary PATH] [--record FILE]

Case I of seed S is always the same checkpoint and text, whichever cases run. A missed case's folder is kept.
"""

import argparse
import collections
import itertools
import json
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import hf_reference as hf
import random_models
from compare_with_hf import read_logits

BARS = {"ref": 1e-10}  # NMSE against f64; a device without a row has OTHER_BAR
OTHER_BAR = 1e-9
ROUTING_GAP = 1e-4  # router probabilities nearer than this could be chosen otherwise by f32 arithmetic
NEAR_TIE = 1e-4  # of the spread of a row of logits: nearer ones could swap ranks
DRAWS = 30  # texts tried until no router is near a tie
GREEDY = 12  # tokens that go on after the text, as long as none is near a tie


def draw_ids(draw, drawing):
    turn, longest = drawing.turn, drawing.longest
    lengths = [1, 2, draw.randint(3, longest), draw.randint(3, longest)]
    if turn is not None:
        lengths += [length for length in (turn - 1, turn, turn + 1, turn + 17) if 1 <= length <= 2 * longest]
    length = draw.choice(lengths)
    return [draw.randrange(drawing.config["vocab_size"]) for _ in range(length)]


@dataclass
class Case:
    family: str
    tags: list
    ids: list
    logits: object  # [T, V], to be reached
    declared: int  # length of text and continuation, which some rotations depend on
    continuation: list  # greedy ids after the text, up to a near tie


def continuation_of(folder, ids, count):
    """The first of `count` greedy ids, up to where f32 arithmetic could choose otherwise."""
    model, out = hf.load(folder, "f64"), []
    with hf.router_gaps(model) as gaps:
        for row in hf.greedy_rows(model, ids, count):
            best = row.topk(2)
            if best.values[0] - best.values[1] <= NEAR_TIE * row.std() or min(gaps) <= ROUTING_GAP:
                break
            out.append(int(best.indices[0]))
    return out


def make_case(options, folder, index):
    """Writes checkpoint and ids.json."""
    draw = random.Random(f"{options.seed}:{index}")
    families = options.architecture or sorted(random_models.FAMILIES)
    drawing = random_models.FAMILIES[families[index % len(families)]](draw)
    tags = random_models.make_checkpoint(draw, folder, drawing)
    model = hf.load(folder, "f64")
    for _ in range(DRAWS):
        ids = draw_ids(draw, drawing)
        if hf.routing_gap(model, ids) > ROUTING_GAP:
            break
    else:
        raise RuntimeError(f"case {index}: every text drawn has a router near a tie")
    hf.write_json(folder / "ids.json", ids)
    room = drawing.config.get("n_positions", len(ids) + GREEDY) - len(ids)  # learned positions end
    count = min(GREEDY, room)
    return Case(drawing.family, tags, ids, hf.forward(hf.load(folder, "f64"), ids)["logits"], len(ids) + count,
                continuation_of(folder, ids, count))


def wrong_ids(got, want):
    """Positions whose largest logit differs, near ties left out."""
    best = want.topk(min(2, want.shape[-1]), -1).values
    clear = best[:, 0] - best[:, -1] > NEAR_TIE * want.std(-1)
    return int(((got.argmax(-1) != want.argmax(-1)) & clear).sum())


def bar(device):
    return BARS.get(device, OTHER_BAR)


def run_program(options, verb, folder, device, *more):
    """Standard output; throws ValueError with what went wrong."""
    command = [options.binary, verb, folder, "--ids", folder / "ids.json", "--device", device, "--policy", "f32",
               "--quiet", "--json", *more]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        raise ValueError(f"{verb}: exit {result.returncode}: {result.stderr.strip()[-300:]}")
    return result.stdout


def program_logits(options, folder, device, case):
    out = folder / f"logits_{device}.safetensors"
    run_program(options, "logits", folder, device, "--out", out)
    return read_logits(out, *case.logits.shape)


def program_continuation(options, folder, device, case):
    if not case.continuation:
        return []
    out = run_program(options, "generate", folder, device, "--max-new-tokens", len(case.continuation), "--ctx-size",
                      case.declared, "--ignore-eos")
    return json.loads(out)["users"][0]["ids"]


def run_device(options, folder, device, case):
    """A record of one device; "problem" is empty where it meets the bars."""
    record = {"architecture": case.family, "features": case.tags, "device": device, "nmse": None, "wrong_ids": 0,
              "greedy": len(case.continuation), "wrong_greedy": len(case.continuation), "problem": ""}
    try:
        got = program_logits(options, folder, device, case)
        record["nmse"], record["wrong_ids"] = hf.nmse(got, case.logits), wrong_ids(got, case.logits)
        ids = program_continuation(options, folder, device, case)
        record["wrong_greedy"] = sum(a != b for a, b in itertools.zip_longest(ids, case.continuation))
    except (ValueError, OSError) as error:
        return record | {"problem": str(error)}
    if not record["nmse"] <= bar(device) or record["wrong_ids"] or record["wrong_greedy"]:
        single = hf.nmse(hf.forward(hf.load(folder, "f32"), case.ids)["logits"], case.logits)
        record["problem"] = (f"bar {bar(device):g}, {record['wrong_ids']} ids differ, {record['wrong_greedy']} of "
                             f"{record['greedy']} greedy ones, HF in f32 {single:.1e}")
    return record


def run_case(options, index, records):
    """Prints the case's line; true if every device meets its bar."""
    folder = Path(tempfile.mkdtemp(prefix=f"live_parity_{options.seed}_{index}_"))
    case = make_case(options, folder, index)
    made = [run_device(options, folder, device, case) for device in options.devices]
    cells = [f"{line['device']} failed" if line["nmse"] is None else f"{line['device']} {line['nmse']:.1e}" for line in made]
    notes = [f"  MISS on {line['device']}, {line['problem']}, kept in {folder}" for line in made if line["problem"]]
    print(f"{index:3} {case.family:11} T={len(case.ids):<3}+{len(case.continuation):<2} {'  '.join(cells)}  "
          f"{', '.join(case.tags)}", *notes, sep="\n", flush=True)
    records += made
    if not notes:
        shutil.rmtree(folder)
    return not notes


def summarise(records):
    """architecture x feature -> cases and worst NMSE by device."""
    table = collections.defaultdict(lambda: collections.defaultdict(list))
    for record in records:
        for feature in ["all", *record["features"]]:
            table[record["architecture"], feature][record["device"]].append(record)
    lines = []
    for (architecture, feature), devices in sorted(table.items()):
        for device, rows in devices.items():
            values = [row["nmse"] for row in rows if row["nmse"] is not None]
            lines.append({"architecture": architecture, "feature": feature, "device": device, "cases": len(rows),
                          "worst_nmse": max(values, default=None), "missed": sum(bool(row["problem"]) for row in rows),
                          "wrong_ids": sum(row["wrong_ids"] for row in rows), "greedy": sum(row["greedy"] for row in rows),
                          "wrong_greedy": sum(row["wrong_greedy"] for row in rows)})
    return lines


def print_summary(lines):
    by_feature = collections.defaultdict(dict)
    for line in lines:
        by_feature[line["architecture"], line["feature"]][line["device"]] = line
    for (architecture, feature), devices in by_feature.items():
        cells = [f"{device} {line['worst_nmse'] if line['worst_nmse'] is not None else float('nan'):.1e}"
                 + (f" {line['missed']} missed" if line["missed"] else "")
                 + (f" {line['wrong_ids']} ids differ" if line["wrong_ids"] else "")
                 + (f" {line['wrong_greedy']} greedy ids differ" if line["wrong_greedy"] else "")
                 for device, line in devices.items()]
        cases = next(iter(devices.values()))["cases"]
        print(f"{architecture:11} {feature:34} {cases:4} cases  worst {'  '.join(cells)}")


def write_record(path, head, lines):
    """JSON with a line for each row of the table, so that two records can be compared."""
    rows = ",\n".join("  " + json.dumps(line) for line in lines)
    Path(path).write_text(json.dumps(head)[:-1] + ', "table": [\n' + rows + "\n]}\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="parity", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=22)
    parser.add_argument("--case", type=int, help="run this one only")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--architecture", action="append", choices=sorted(random_models.FAMILIES))
    parser.add_argument("--binary", default="build/release/bin/firstlight")
    parser.add_argument("--devices", default="ref,cpu")
    parser.add_argument("--record", help="writes the table and the versions here as JSON")
    options = parser.parse_args()
    options.binary = Path(options.binary).resolve()
    options.devices = options.devices.split(",")
    if not options.binary.is_file():
        sys.exit(f"parity: no program at {options.binary}; build it, or name one with --binary")
    cases = range(options.cases) if options.case is None else [options.case]
    print(f"seed {options.seed}, bars: " + ", ".join(f"{device} {bar(device):g}" for device in options.devices))
    records = []
    missed = [index for index in cases if not run_case(options, index, records)]
    lines = summarise(records)
    print_summary(lines)
    if options.record:
        write_record(options.record, {"seed": options.seed, "cases": len(cases), "missed": missed,
                                      "made_with": hf.versions()}, lines)
    tail = f", missed {missed}" if missed else ""
    print(f"seed {options.seed}: {len(cases) - len(missed)} of {len(cases)} passed{tail}")
    sys.exit(1 if missed or not records else 0)


if __name__ == "__main__":
    main()
