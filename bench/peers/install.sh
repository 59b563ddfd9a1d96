#!/usr/bin/env bash
# install.sh VENV: puts llama.cpp (through its Python package, built from source for this very CPU) and the
# gguf package into a virtual environment.
set -euo pipefail
venv=${1:?usage: install.sh VENV}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
# GGML_NATIVE: every instruction this machine has. What is left out are llama.cpp's programs, which nothing here runs.
export CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF \
-DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TESTS=OFF ${CMAKE_ARGS:-}"
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
"$venv/bin/pip" install --no-cache-dir --no-binary llama-cpp-python llama-cpp-python gguf numpy
"$venv/bin/python" -c 'import llama_cpp; print("llama-cpp-python", llama_cpp.__version__); print(llama_cpp.llama_print_system_info().decode())'
