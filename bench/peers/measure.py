"""What every peer's runner shares: its command line, the point to measure, and one JSON line as a result."""

import argparse
import json
import random
import statistics


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=0, help="tokens prefilled, timed; 0 = decode only")
    parser.add_argument("--depth", type=int, default=0, help="tokens cached before that")
    parser.add_argument("--generate", type=int, default=0, help="decode steps timed; 0 = prefill only")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--flash-attention", choices=["auto", "on", "off"], default="auto")
    return parser


def random_ids(count, vocabulary):
    generator = random.Random(1)
    return [generator.randrange(vocabulary) for _ in range(count)]


def peak_memory():
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def report(options, prefill_seconds, decode_seconds):
    """Prints a line for each phase measured; the seconds are lists, one a repeat."""
    for phase, seconds, tokens in (("prefill", prefill_seconds, options.batch * options.prompt),
                                   ("decode", decode_seconds, options.batch * options.generate)):
        if seconds and tokens:
            rates = [tokens / s for s in seconds]
            print(json.dumps({"phase": phase, "batch": options.batch, "prompt": options.prompt,
                              "depth": options.depth, "threads": options.threads,
                              "tokens_per_s": statistics.median(rates), "rates": rates,
                              "rss_bytes": peak_memory()}), flush=True)
