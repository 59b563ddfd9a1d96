# The Debian packages that the scripts install; sourced by scripts/demo and scripts/test. docs/dependencies.md says what
# each is for.
# shellcheck shell=bash

build_packages=(g++ cmake ninja-build pkg-config nlohmann-json3-dev libcli11-dev libfmt-dev libpcre2-dev libutf8proc-dev
                libzip-dev libxxhash-dev libhwloc-dev)
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev libsimde-dev python3)
fuzz_packages=(clang libclang-rt-14-dev llvm)

# Installs what is missing of the packages named; quiet when nothing is.
install_packages() {
  local missing=()
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  say "installing ${missing[*]}"
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

say() { printf '== %s\n' "$*" >&2; }

# Configures and builds a preset (a build folder of its own, safe to run again).
build_preset() {
  say "building the $1 preset"
  cmake --preset "$1" >"build/$1.configure.log" 2>&1 || { cat "build/$1.configure.log" >&2; return 1; }
  cmake --build --preset "$1" "${@:2}"
}
