#!/usr/bin/env python3
"""Writes tests/data/chat_templates/: what transformers renders, for our own engine's tests.

  language.json   our own snippets of template language with the output of its Jinja environment, or that they fail
  bundled.json    what `apply_chat_template` makes of models/phi3-nano's template and the conversations below
  published.json  the templates under ../shared/data/tokenizers on the same conversations: XXH3-128 hashes only, because
                  what they render is text of their publishers

Run from the root of the checkout: python tools/make_template_goldens.py
"""
import glob
import json
import os
import pathlib

import jinja2
import tokenizers
import transformers
from transformers.utils.chat_template_utils import _compile_jinja_template

from content_hash import hash128

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "data" / "chat_templates"
SHARED = pathlib.Path(os.environ.get("FIRSTLIGHT_SHARED", ROOT.parent / "shared")) / "data" / "tokenizers"
MADE_WITH = f"transformers {transformers.__version__}, jinja2 {jinja2.__version__}"

VARIABLES = {
    "a": 1, "b": -7, "f": 2.5, "s": "Hello <b>World</b>", "u": "Éß ünï", "l": [3, 1, 2], "e": [], "n": None, "t": True,
    "d": {"x": 1, "y": [1, 2, {"z": None}], "items": 5, "B": 2, "a": 3}, "nl": "a\nb\n\nc\n",
    "nums": ["1", "2.5", "x", " 7 ", "1_000"], "big": 12345678901234,
    "ms": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "n": 3}, {"role": "user", "content": "yo", "n": 1}],
}

SNIPPETS = (ROOT / "tests" / "data" / "chat_templates" / "snippets.txt")

TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The \"weather\" in a <city>, é", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
CALL = [{"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Par\"is"}}}]
CONVERSATIONS = [
    [{"role": "user", "content": "Hi"}],
    [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Hi\n"},
     {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHello"}, {"role": "user", "content": "é😀"}],
    [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": "", "tool_calls": CALL},
     {"role": "tool", "content": "22.5", "tool_call_id": "abcdefghi", "name": "get_weather"},
     {"role": "assistant", "content": "22"}, {"role": "user", "content": "ok"}],
    [{"role": "user", "content": "weather?"}, {"role": "assistant", "tool_calls": CALL},
     {"role": "tool", "content": "{\"t\": 1}", "tool_call_id": "abcdefghi"}],
    [{"role": "user", "content": [{"type": "text", "text": "part"}, {"type": "text", "text": "two"}]}],
    [],
    [{"role": "assistant", "content": None, "tool_calls": CALL}, {"role": "user", "content": "x", "name": None}],
    [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "so", "reasoning": "hm"},
     {"role": "assistant", "content": "so", "thinking": "a", "reasoning_content": "b"}],
]
# What a caller may ask for, beyond the messages.
OPTIONS = [
    {"add_generation_prompt": True, "tools": None, "extra": {}},
    {"add_generation_prompt": False, "tools": None, "extra": {}},
    {"add_generation_prompt": True, "tools": [TOOL], "extra": {}},
    {"add_generation_prompt": True, "tools": [TOOL], "extra": {"enable_thinking": False, "tools_in_user_message": False}},
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def render(template, variables):
    try:
        return _compile_jinja_template(template).render(**variables)
    except Exception:  # whatever Python raises: the golden is that it fails
        return None


def apply(template, messages, options):
    """`apply_chat_template` of a tokenizer that has nothing but its special tokens; None where it refuses."""
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(tokenizers.models.BPE()), **TOKENS)
    try:
        return tokenizer.apply_chat_template(
            messages, chat_template=template, tools=options["tools"], tokenize=False, date_string="26 Jul 2024",
            add_generation_prompt=options["add_generation_prompt"], **options["extra"])
    except Exception:  # whatever Python raises: the golden is that it fails
        return None


def conversations(template, keep):
    out = []
    for m, messages in enumerate(CONVERSATIONS):
        for o, options in enumerate(OPTIONS):
            text = apply(template, messages, options)
            out.append({"messages": m, "options": o, "text": text if keep or text is None else hash128(text.encode())})
    return out


def write(name, value):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def main():
    cases = []
    for snippet in SNIPPETS.read_text().split("\n---\n"):
        snippet = snippet.replace("\\r", "\r")
        cases.append({"template": snippet, "text": render(snippet, VARIABLES)})
    write("language.json", {"made_with": MADE_WITH, "variables": VARIABLES, "cases": cases})

    common = {"made_with": MADE_WITH, "conversations": CONVERSATIONS, "options": OPTIONS, "tokens": TOKENS}
    config = json.loads((ROOT / "models" / "phi3-nano" / "tokenizer_config.json").read_text())
    write("bundled.json", dict(common, cases=conversations(config["chat_template"], True)))

    templates = {}
    for path in sorted(glob.glob(str(SHARED / "*" / "*tokenizer_config.json"))):
        template = json.loads(pathlib.Path(path).read_text()).get("chat_template")
        if template:
            templates[os.path.relpath(path, SHARED)] = template
    for path in sorted(glob.glob(str(SHARED / "*" / "chat_templates" / "*.jinja"))):
        templates[os.path.relpath(path, SHARED)] = pathlib.Path(path).read_text()
    if templates:
        write("published.json", {"made_with": MADE_WITH, "templates": {
            name: conversations(template, False) for name, template in templates.items()}})


if __name__ == "__main__":
    main()
