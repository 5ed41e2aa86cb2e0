#!/bin/sh
# Fuzzes the BGP engine.
#
#   tests/fuzz.sh SECONDS [TARGET]   each target (or one) for so long; fails on a finding
#   tests/fuzz.sh planted            a build with a bug put there on purpose must fail within two minutes
#   tests/fuzz.sh minimize           makes fuzz/corpus/ anew: the fewest inputs that reach what all of them reach
#
# Built with the stable compiler: the flags are what cargo-fuzz passes, its nightly sanitizers apart. What is reached is
# printed at the end of each run; new inputs stay in target/fuzz/corpus, findings in target/fuzz/artifacts.
set -eu
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
out=${CARGO_TARGET_DIR:-target}/fuzz
targets='bgp_frame bgp_open bgp_update bgp_session'

# build DIR [FLAG...]: the targets, instrumented, in DIR
build() {
    dir=$1
    shift
    RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares -Clink-dead-code --cfg fuzzing -Cdebug-assertions \
        -Coverflow-checks -Ccodegen-units=1 -Copt-level=3 $*" \
        cargo build --quiet --locked --manifest-path fuzz/Cargo.toml --release --target "$host" --target-dir "$dir"
}

# fuzz DIR TARGET [OPTION...]: one target from the seeds and what earlier runs found
fuzz() {
    dir=$1 target=$2
    shift 2
    mkdir -p "$out/corpus/$target" "$out/artifacts/$target" "fuzz/corpus/$target"
    perl fuzz/seeds.pl "$target" bgp/tests/vectors "$out/seeds/$target"
    "$dir/$host/release/$target" -dict=fuzz/bgp.dict -print_final_stats=1 -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
        -artifact_prefix="$out/artifacts/$target/" "$@" "$out/corpus/$target" "fuzz/corpus/$target" "$out/seeds/$target"
}

case ${1:-} in
planted)
    build "$out/planted" --cfg planted_bug
    if fuzz "$out/planted" bgp_update -max_total_time=120 >"$out/planted.log" 2>&1; then
        echo "the planted bug was not found in two minutes: $out/planted.log" >&2
        exit 1
    fi
    grep -q 'the planted bug' "$out/planted.log" || { cat "$out/planted.log" >&2; exit 1; }
    grep -E 'the planted bug|stat::number_of_executed_units' "$out/planted.log"
    ;;
minimize)
    build "$out/build"
    for target in $targets; do
        fresh=$out/fresh/$target
        rm -rf "$fresh" && mkdir -p "$fresh" "$out/corpus/$target" "fuzz/corpus/$target"
        perl fuzz/seeds.pl "$target" bgp/tests/vectors "$out/seeds/$target"
        "$out/build/$host/release/$target" -merge=1 -max_len=1024 "$fresh" "fuzz/corpus/$target" \
            "$out/seeds/$target" "$out/corpus/$target"
        rm -rf "fuzz/corpus/$target" && cp -r "$fresh" "fuzz/corpus/$target"
    done
    ;;
[0-9]*)
    build "$out/build"
    for target in ${2:-$targets}; do
        echo "== $target, $1 s"
        fuzz "$out/build" "$target" -max_total_time="$1" 2>"$out/$target.log" || { cat "$out/$target.log" >&2; exit 1; }
        grep -E '^reached|^stat::|DONE' "$out/$target.log"
    done
    ;;
*)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
    ;;
esac
