"""Measures Firstlight and its peers in turns, and prints one table.

Every measurement is a process of its own, one at a time; those of one row and one repeat follow each other directly,
and which of them begins alternates. Numbers are medians over repeats, ratios are medians over the ratios within a
repeat. Results are added to --results as JSON lines; --print makes the table from such a file and measures nothing.

    table.py --firstlight build/release/bin/firstlight --checkpoint SYNTH --gguf DIR --python VENV/bin/python
    table.py --results results.jsonl --print
"""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROWS = {  # name -> batch, prompt, depth, generate, the phase that counts
    "decode batch 1": (1, 0, 32, 48, "decode"),
    "decode batch 32": (32, 0, 32, 12, "decode"),
    "prefill 512": (1, 512, 0, 0, "prefill"),
    "prefill 4096": (1, 4096, 0, 0, "prefill"),
    "decode at depth 4096": (1, 0, 4096, 32, "decode"),
}
# The same bits per weight; the policies named int8 round the inputs of linear ops to 8 bits, as the peers do.
GGUF = {"bf16": "BF16", "bfp8": "Q8_0", "bfp8-int8": "Q8_0", "bfp4": "Q4_0", "bfp4-int8": "Q4_0"}


def measure(command, phase):
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    found = [line for line in lines if line.get("phase") == phase]
    if ran.returncode != 0 or not found:
        sys.exit(f"{' '.join(map(str, command))}\n{ran.stderr[-2000:]}")
    return found[0]


def commands(options, row, policy):
    """Name -> command, ours first."""
    batch, prompt, depth, generate, _ = ROWS[row]
    point = ["--batch", batch, "--prompt", prompt, "--depth", depth, "--generate", generate, "--repeats", 1,
             "--threads", options.threads]
    found = {"firstlight": [options.firstlight, "bench", options.checkpoint, "--policy", policy, "--json", "--quiet",
                            *point, *options.bench_flag]}
    gguf = pathlib.Path(options.gguf) / f"{GGUF[policy]}.gguf" if options.gguf else None
    if gguf and gguf.exists():
        for attention in options.flash_attention.split(","):
            name = "llama.cpp" if attention == "auto" else f"llama.cpp (flash attention {attention})"
            found[name] = [options.python, HERE / "run_llama_cpp.py", gguf, *point, "--flash-attention", attention]
    if options.torch_python and policy == "bf16":
        found["torch"] = [options.torch_python, HERE / "run_torch.py", options.checkpoint, *point]
    openvino = pathlib.Path(options.openvino) / policy.removesuffix("-int8") if options.openvino else None
    if openvino and openvino.exists():
        found["OpenVINO"] = [options.openvino_python, HERE / "run_openvino.py", openvino, *point]
    return found


def run(options):
    for row in options.rows.split(","):
        for policy in options.policies.split(","):
            who = commands(options, row, policy)
            for repeat in range(options.repeats):
                order = list(who) if repeat % 2 == 0 else list(reversed(who))
                result = {name: measure(who[name], ROWS[row][4]) for name in order}
                line = {"row": row, "policy": policy, "repeat": repeat, "threads": options.threads, "result": result}
                with open(options.results, "a", encoding="utf-8") as stream:
                    stream.write(json.dumps(line) + "\n")
                print(row, policy, {name: round(m["tokens_per_s"], 2) for name, m in result.items()}, file=sys.stderr)


def share(measurement, field):
    value = measurement.get(field, 0)
    return f"{100 * value:.1f} %" if value else ""


def print_table(options):
    groups = collections.defaultdict(list)
    with open(options.results, encoding="utf-8") as stream:
        for line in map(json.loads, stream):
            groups[line["row"], line["policy"]].append(line["result"])
    print("| work | weights | peer | peer, t/s | firstlight, t/s | ratio | of bandwidth | of peak | peak memory: peer, ours |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in ROWS:
        for policy in GGUF:
            repeats = groups.get((row, policy), [])
            for peer in sorted({name for result in repeats for name in result} - {"firstlight"}):
                pairs = [(r[peer], r["firstlight"]) for r in repeats if peer in r]
                median = [statistics.median(m["tokens_per_s"] for m in side) for side in zip(*pairs)]
                ratio = statistics.median(ours["tokens_per_s"] / theirs["tokens_per_s"] for theirs, ours in pairs)
                shares = {field: statistics.median(ours.get(field, 0) for _, ours in pairs)
                          for field in ("share_of_bandwidth", "share_of_peak")}
                memory = [max(m["rss_bytes"] for m in side) / 1e9 for side in zip(*pairs)]
                print(f"| {row} | {policy} / {GGUF[policy]} | {peer} | {median[0]:.1f} | {median[1]:.1f} | {ratio:.2f} | "
                      f"{share(shares, 'share_of_bandwidth')} | {share(shares, 'share_of_peak')} | "
                      f"{memory[0]:.2f}, {memory[1]:.2f} GB |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--firstlight", default="build/release/bin/firstlight")
    parser.add_argument("--checkpoint", help="folder that `firstlight synth` wrote")
    parser.add_argument("--gguf", help="folder of BF16.gguf, Q8_0.gguf, Q4_0.gguf (to_gguf.py)")
    parser.add_argument("--python", default=sys.executable, help="of the environment that has llama_cpp")
    parser.add_argument("--flash-attention", default="auto", help="auto, on, off, or several")
    parser.add_argument("--torch-python", help="of an environment with torch and transformers: adds torch's bf16 rows")
    parser.add_argument("--openvino", help="folder with exports named bf16, bfp8 (int8), bfp4 (int4)")
    parser.add_argument("--openvino-python", default=sys.executable)
    parser.add_argument("--bench-flag", action="append", default=[], help="passed on to `firstlight bench`")
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--policies", default=",".join(GGUF))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--results", default="peers.jsonl")
    parser.add_argument("--print", action="store_true", dest="only_print")
    options = parser.parse_args()
    if not options.only_print:
        if not options.checkpoint:
            parser.error("--checkpoint is needed to measure")
        run(options)
    print_table(options)


if __name__ == "__main__":
    main()
