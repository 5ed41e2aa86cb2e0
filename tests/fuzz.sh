#!/bin/sh
# Fuzzes the BGP and BFD engines and the OVSDB client.
#
#   tests/fuzz.sh SECONDS [TARGET]   each target (or one) for so long; fails on a finding
#   tests/fuzz.sh planted            builds with a bug put there on purpose must fail within five minutes
#   tests/fuzz.sh minimize           makes fuzz/corpus.tar.gz anew: the fewest short inputs that reach what all reach
#
# Built with the stable compiler: the flags are what cargo-fuzz passes, its nightly sanitizers apart. What is reached is
# printed at the end of each run; new inputs stay in target/fuzz/corpus, findings in target/fuzz/artifacts.
set -eu
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
out=${CARGO_TARGET_DIR:-target}/fuzz
targets='bgp_frame bgp_open bgp_update bgp_session bfd_packet bfd_session ovn_rpc'

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

# seeds TARGET: one for each vector that suits, and what was kept of earlier runs
seeds() {
    rm -rf "$out/seeds/$1"
    perl fuzz/seeds.pl "$1" "${1%%_*}/tests/vectors" "$out/seeds/$1"
    mkdir -p "$out/kept/$1"
    tar -xzf fuzz/corpus.tar.gz -C "$out/kept"
}

# fuzz DIR TARGET [OPTION...]: one target from the seeds and what earlier runs found
fuzz() {
    dir=$1 target=$2
    shift 2
    mkdir -p "$out/corpus/$target" "$out/artifacts/$target"
    seeds "$target"
    case $target in
    bgp_*) set -- -dict=fuzz/bgp.dict -max_len=4096 "$@" ;;
    bfd_packet) set -- -max_len=128 "$@" ;;
    ovn_*) set -- -dict=fuzz/ovn.dict -max_len=2048 "$@" ;;
    *) set -- -max_len=1024 "$@" ;;
    esac
    "$dir/$host/release/$target" -print_final_stats=1 -timeout=10 -rss_limit_mb=1024 \
        -artifact_prefix="$out/artifacts/$target/" "$@" "$out/corpus/$target" "$out/kept/$target" "$out/seeds/$target"
}

case ${1:-} in
planted)
    build "$out/planted" --cfg planted_bug
    # From the seeds alone, so that nothing an earlier run found shortens the way.
    for target in bgp_update bfd_session; do
        rm -rf "$out/corpus/planted"
        seeds "$target"
        mkdir -p "$out/artifacts/planted" "$out/corpus/planted"
        if "$out/planted/$host/release/$target" -dict=fuzz/bgp.dict -max_len=400 -max_total_time=300 \
            -artifact_prefix="$out/artifacts/planted/" "$out/corpus/planted" "$out/seeds/$target" >"$out/planted.log" 2>&1; then
            echo "the bug planted in $target was not found in five minutes: $out/planted.log" >&2
            exit 1
        fi
        grep -q 'the planted bug' "$out/planted.log" || { cat "$out/planted.log" >&2; exit 1; }
        grep 'the planted bug' "$out/planted.log"
    done
    ;;
minimize)
    build "$out/build"
    for target in $targets; do
        fresh=$out/fresh/$target
        rm -rf "$fresh" && mkdir -p "$fresh" "$out/corpus/$target"
        seeds "$target"
        case $target in ovn_*) longest=1024 ;; *) longest=128 ;; esac
        "$out/build/$host/release/$target" -merge=1 -max_len=$longest "$fresh" "$out/kept/$target" \
            "$out/seeds/$target" "$out/corpus/$target"
    done
    tar --sort=name --mtime=@0 --owner=0 --group=0 -C "$out/fresh" -cf - . | gzip -n9 >fuzz/corpus.tar.gz
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
