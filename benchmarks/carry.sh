#!/usr/bin/env bash
# Collect what `make gpu-check` needs on a machine without network access, as wheels for Linux on x86-64.
#
#     benchmarks/carry.sh [FOLDER] [PYTHON_VERSION]       build/carry and 3.12 when not given
#
# The machine must already have Python, torch, torchvision, Triton and pytest; their dependencies are skipped,
# too. The versions are those of requirements/dev.txt where they are pinned there. Copy the folder beside the
# checkout, to the same place, and run there:
#
#     make gpu-check GPU_PYTHON=python3
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-build/carry}
version=${2:-3.12}
most_bytes=$((60 * 1024 * 1024))
bin=.venv/bin
make --silent "$bin/uv"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
names() { sed -E 's/[ =<>;[].*//; /^(#|$)/d' "$1" | sort -u; }
resolve() { "$bin/uv" pip compile --quiet --python-version "$version" --python-platform x86_64-manylinux_2_28 \
    --no-emit-index-url --no-annotate --no-header --constraints "$work/pins" -o "$work/$1" "${@:2}"; }

own='torch|torchvision|triton|nvidia-.*|cuda-.*|numpy'  # the machine's own may be older than ours
sed -nE 's/^([A-Za-z0-9._-]+==[^\\]*[^\\ ]).*/\1/p' requirements/dev.txt | grep -vE "^($own)==" > "$work/pins"
printf '%s\n' torch torchvision triton numpy pytest > "$work/there.in"
printf '%s\n' hypothesis beartype pytest-timeout pytest-xdist jsonschema > "$work/tests.in"
resolve there.txt "$work/there.in"
resolve all.txt pyproject.toml "$work/tests.in"
comm -23 <(names "$work/all.txt") <(names "$work/there.txt") | sed 's/.*/^&==/' > "$work/wanted"
grep -f "$work/wanted" "$work/all.txt" > "$work/carried.txt"

rm -rf "$folder"
mkdir -p "$folder"
platforms=()
for newest in 2_28 2_27 2_24 2_17 2014 2010 1; do platforms+=(--platform "manylinux${newest/#2_/_2_}_x86_64"); done
"$bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --implementation cp --python-version "$version" "${platforms[@]}" --dest "$folder" -r "$work/carried.txt"
make --silent "$bin/../.installed-dev"
"$bin/uv" build --quiet --wheel --no-build-isolation --python "$bin/python" --out-dir "$folder" .
rm -f "$folder/.gitignore"
bytes=$(du -sb "$folder" | cut -f1)
echo "$(find "$folder" -name '*.whl' | wc -l) wheels, $((bytes / 1024 / 1024)) MB, in $folder"
if ((bytes > most_bytes)); then
    echo "that is more than $((most_bytes / 1024 / 1024)) MB" >&2
    exit 1
fi
