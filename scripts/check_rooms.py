#!/usr/bin/env python3
"""Checks the one-way street and the homes of proper nouns in src/firstlight.

1. A file includes only its own room and rooms above it; a device never includes another device; nn and model never
   include the device room.
2. No string literal, identifier or include in src/ equals, or has as one of its words, a name of the model, device or
   board lists outside that name's home and the lists. Values of config fields are exempt by ALLOWED below, each with
   its reason.

`--self-test` plants a breach of each kind in a copy of the tree and checks that it is found.
"""
import functools
import pathlib
import re
import shutil
import sys
import tempfile

ROOMS = ["base", "format", "tensor", "io", "text", "op", "device", "run", "nn", "model", "pipeline", "harness", "app"]
NO_DEVICE = {"nn", "model", "io"}

# (file suffix under src/firstlight, name) -> reason.
ALLOWED = {
    ("app/cli/plan.cpp", "n150"): "an example of --help",
    ("app/cli/plan.cpp", "t3k"): "an example of --help",
    ("app/cli/tune.cpp", "n150"): "an example of --help",
    ("io/rope_config.cpp", "llama3"): "a value of the config field rope_type, whatever model carries it",
    ("io/rope_config.h", "llama3"): "a value of the config field rope_type, whatever model carries it",
    ("io/torch_zip_writer.cpp", "cpu"): "the storage location that torch.save writes into a .pt file",
    ("model/phi3.cpp", "phi"): "published names of its models begin with the word",
    ("text/jinja/json_text.cpp", "null"): "the JSON literal",
    **{("text/tokenizer_classes.h", name): "values of the config field tokenizer_class, whatever model carries them"
       for name in ("llama", "gpt2", "qwen2")},
}
# Words that are names of things in the lists but also common words of the field; each is matched only as a whole
# string literal, never as an identifier.
LITERAL_ONLY = {"ref", "cpu", "null"}

TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|//[^\n]*|/\*.*?\*/|[A-Za-z_][A-Za-z0-9_]*', re.S)
RAW = re.compile(r'R"([^(\s]*)\((.*?)\)\1"', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]firstlight/([^">]+)[">]', re.M)


def names_of(root):
    """name -> (kind, set of home prefixes under src/firstlight)."""
    source = root / "src" / "firstlight"
    found = {}
    for home in sorted((source / "device").iterdir()):
        if home.is_dir():
            found[home.name] = ("device", f"device/{home.name}/")
    for row in re.findall(r"ModelRow (\w+)_row\(\)", (source / "model" / "rows.h").read_text()):
        found[row] = ("model", f"model/{row}.cpp")
    for board in sorted((root / "boards").glob("*.json")):
        found[board.stem] = ("board", "boards/")
    return found


LISTS = ("model/rows.h", "model/list.cpp", "device/list.cpp")


def words(token):
    """The words of an identifier or literal: snake_case and CamelCase parts, digits kept with their word."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", token)
    return [word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if word]


@functools.cache
def named_by(token, names):
    """The names that a token of a source equals or has as a word."""
    if token.startswith(("//", "/*")):
        return []
    literal = token[0] in "\"'"
    body = token.strip("\"'")
    if literal and body.startswith("firstlight/"):
        return []  # an include: checked as such
    whole = body.lower()
    plain = {name for name in (names & {whole, *words(body)}) if name not in LITERAL_ONLY}
    return sorted(plain | ({whole} & names & LITERAL_ONLY if literal else set()))


def check(root):
    problems = []
    source = root / "src" / "firstlight"
    names = names_of(root)
    for path in sorted(source.rglob("*")):
        if path.suffix not in {".h", ".cpp", ".inl", ".cu"}:
            continue
        where = path.relative_to(source).as_posix()
        room = where.split("/")[0]
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            target = match.group(1)
            line = text.count("\n", 0, match.start()) + 1
            other = target.split("/")[0]
            if other not in ROOMS:
                problems.append(f"{where}:{line}: includes {target}, which is in no room")
            elif ROOMS.index(other) > ROOMS.index(room):
                problems.append(f"{where}:{line}: {room} includes {target}: {other} is a room below it")
            elif other == "device" and room in NO_DEVICE:
                problems.append(f"{where}:{line}: {room} includes {target}: it never sees a device")
            parts, mine = target.split("/"), where.split("/")
            if len(parts) > 2 and parts[0] == "device" and where not in LISTS:
                if not (len(mine) > 2 and mine[0] == "device" and mine[1] == parts[1]):
                    problems.append(f"{where}:{line}: includes {target}: a device's own headers stay inside it")
        if where in LISTS:
            continue
        raw_blanked = RAW.sub(lambda m: '"' + re.sub(r'[^A-Za-z0-9_\n]', " ", m.group(2)).replace("\n", " ") + '"', text)
        for match in TOKEN.finditer(raw_blanked):
            token = match.group(0)
            for name in named_by(token, frozenset(names)):
                kind, home = names[name]
                if where.startswith(home) or (where, name) in ALLOWED:
                    continue
                line = raw_blanked.count("\n", 0, match.start()) + 1
                problems.append(f"{where}:{line}: {token} names the {kind} '{name}', whose home is {home}")
    return problems


def self_test(root):
    plants = [
        ("src/firstlight/format/planted.h", '#include "firstlight/run/policy.h"\n', "room below"),
        ("src/firstlight/nn/planted.h", '#include "firstlight/device/contract.h"\n', "never sees a device"),
        ("src/firstlight/device/cpu/planted.h", '#include "firstlight/device/ref/ref.h"\n', "stay inside"),
        ("src/firstlight/run/planted.cpp", 'const char* kName = "phi3";\n', "names the model"),
        ("src/firstlight/nn/planted.cpp", "int llama_layers = 0;\n", "names the model"),
        ("src/firstlight/harness/planted.cpp", 'bool fast(const char* d) { return d == "cpu"; }\n', "names the device"),
        ("src/firstlight/harness/planted2.cpp", 'const char* kBoard = "n150";\n', "names the board"),
    ]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        shutil.copytree(root / "src", copy / "src")
        shutil.copytree(root / "boards", copy / "boards")
        for file, text, _ in plants:
            (copy / file).write_text(text)
        problems = check(copy)
    for file, _, expected in plants:
        if not any(expected in problem and problem.startswith(file.removeprefix("src/firstlight/")) for problem in problems):
            print(f"self-test: the breach planted in {file} was not found")
            failed += 1
    print(f"check_rooms self-test: {len(plants) - failed} of {len(plants)} planted breaches found")
    return failed


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    if "--self-test" in sys.argv[1:]:
        return 1 if self_test(root) else 0
    if sys.argv[1:]:
        print(__doc__)
        return 0 if sys.argv[1] in {"-h", "--help"} else 2
    problems = check(root)
    for problem in problems:
        print(problem)
    print(f"check_rooms: {len(problems)} breaches" if problems else "check_rooms: the one-way street holds")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
