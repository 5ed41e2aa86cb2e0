#!/bin/sh
# Builds a program of the workspace as images have it, static and stripped, and prints where it is.
#
#   static.sh PACKAGE [FILE]
#
# FILE  one that there is already, only looked at
#
# CARGO and CARGO_TARGET_DIR are heeded. Fails when the program is not static, or is larger than its budget.
set -eu

budget=15000000 # octets
triple=x86_64-unknown-linux-gnu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

fail() {
    echo "static.sh: $*" >&2
    exit 1
}

[ $# -ge 1 ] && [ $# -le 2 ] || { sed -n '2,8p' "$0" >&2 && exit 2; }
package=$1 binary=${2:-}
if [ -z "$binary" ]; then
    target=${CARGO_TARGET_DIR:-$top/target}
    # Relocations of a static program that may lie anywhere are half a megabyte, or packed a few kilobytes.
    # Cargo strips nothing where a profile treats one package apart, so it is said here.
    # --target keeps crt-static away from build scripts and procedural macros, which cannot be linked that way.
    (cd "$top" && ${CARGO:-cargo} rustc --locked --profile dist --package "$package" --bin "$package" --target "$triple" \
        --config "target.$triple.rustflags=[\"-C\",\"target-feature=+crt-static\",\"-C\",\"link-arg=-Wl,-z,pack-relative-relocs\"]" --target-dir "$target" \
        -- -C strip=symbols) >&2 ||
        fail "$package cannot be built"
    binary=$target/$triple/dist/$package
fi
[ -f "$binary" ] || fail "--binary: there is no file $binary"
if ldd "$binary" 2>/dev/null | grep -q '=>'; then
    fail "--binary $binary: must be static, it needs: $(ldd "$binary" | sed -n 's/ => .*//p' | tr -d '\t' | tr '\n' ' ')"
fi
size=$(wc -c <"$binary")
[ "$size" -le "$budget" ] || fail "$binary has $size octets: must be at most $budget"
echo "$binary"
