#!/usr/bin/env python3
"""Checks that code for one instruction set cannot run on a machine that lacks it.

usage: check_isa_symbols.py LIBRARY.a

The objects of the kernel tables are compiled with flags of their own. They may define their table and nothing else that
the linker sees: a weak symbol (an inline function, a template) could replace the plain copy of another object. They
may run nothing at the program's start. And an object without such flags must hold no instruction on wider registers
than its baseline.
"""
import re
import subprocess
import sys

# The members that are compiled with flags of their own, the registers they may use, and the strong symbols they define.
PARTS = {
    "portable": ("xmm", "kPortable", "rows attention products integers"),
    "avx2": ("ymm", "kAvx2", "rows attention products integers words"),
    "avx512": ("zmm", "kAvx512", "rows attention products"),
    "avx512vnni": ("zmm", "kAvx512Vnni", "integers words"),
    "avx512bf16": ("zmm", "kAvx512Bf16", "attention products"),
    "amx": ("tmm", "kAmx", "attention products"),
}
ISA_MEMBERS = {
    f"{isa}_{part}.cpp.o": (widest, f"firstlight::device::cpu::{table}{part.capitalize()}")
    for isa, (widest, table, parts) in PARTS.items() for part in parts.split()
} | {
    "tensix_portable.cpp.o": ("xmm", r"firstlight::device::tensix::kPortableKernels"),
    "tensix_avx2.cpp.o": ("ymm", r"firstlight::device::tensix::kAvx2Kernels"),
    "tensix_avx512.cpp.o": ("zmm", r"firstlight::device::tensix::kAvx512Kernels"),
}
WIDTHS = ("xmm", "ymm", "zmm", "tmm")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def members(text, header):
    """Splits the output of nm or objdump on an archive: member name -> its lines."""
    result, name = {}, None
    for line in text.splitlines():
        match = header.match(line)
        if match:
            name = match[1].rsplit("/", 1)[-1]
            result[name] = []
        elif name is not None:
            result[name].append(line)
    return result


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    library = sys.argv[1]
    problems = []
    symbols = members(run("nm", "-C", "--defined-only", library), re.compile(r"^(\S+\.o):$"))
    for name, (_, allowed) in ISA_MEMBERS.items():
        if name not in symbols:
            problems.append(f"{name}: not in the library")
        for line in symbols.get(name, []):
            match = re.match(r"^[0-9a-f]* *([A-Za-z]) (.+)$", line)
            if match and match[2].startswith("_GLOBAL__sub_I"):
                problems.append(f"{name}: runs code before main() ({match[2]}), whatever the machine")
            if not match or match[1] in "tdbrn":  # local
                continue
            if match[1] in "WVu" or not re.fullmatch(allowed, match[2]):
                problems.append(f"{name}: defines '{match[2]}' ({match[1]}) for the linker; expected only {allowed}")
    code = members(run("objdump", "-d", "--no-show-raw-insn", library), re.compile(r"^(\S+\.o): +file format"))
    for name, lines in code.items():
        widest, _ = ISA_MEMBERS.get(name, ("xmm", ""))
        for width in WIDTHS[WIDTHS.index(widest) + 1:]:
            used = next((line for line in lines if f"%{width}" in line), None)
            if used:
                problems.append(f"{name}: uses {width} registers: {used.strip()}")
        if name in ISA_MEMBERS and widest != "xmm" and not any(f"%{widest}" in line for line in lines):
            problems.append(f"{name}: uses no {widest} register; was it compiled with its flags?")
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(1)
    print(f"{library}: {len(code)} objects, no instruction and no inline function beyond its place")


if __name__ == "__main__":
    main()
