#!/bin/sh
# Builds the speaker's image without a container engine: one static binary under the names operators call. The
# Dockerfile beside it gives the same content.
#
#   build.sh [--binary FILE] [--out FILE] [--name NAME:TAG] [--capability FLAGS]
#
# --binary FILE     a static speaker there already is; default: built here with the profile `dist`
# --out FILE        the archive; default target/image/speaker.tar
# --name NAME:TAG   the image's name; default speaker:VERSION, VERSION as in Cargo.toml
# --capability FLAGS  how the binary has net_bind_service: default p, permitted (docs/deploy.md says why); none
#
# CARGO and CARGO_TARGET_DIR are heeded. Fails when the binary is not static, or is larger than its budget.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
binary="" out=$top/target/image/speaker.tar name="" capability=p

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --binary | --out | --name | --capability) [ $# -ge 2 ] || fail "$1 needs a value" ;;
    *) sed -n '2,12p' "$0" >&2 && exit 2 ;;
    esac
    case $1 in
    --binary) binary=$2 ;;
    --out) out=$2 ;;
    --name) name=$2 ;;
    --capability) capability=$2 ;;
    esac
    shift 2
done

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$top/Cargo.toml" | head -n 1)
[ -n "$version" ] || fail "no version in $top/Cargo.toml"
binary=$("$here/static.sh" speaker ${binary:+"$binary"})
size=$(wc -c <"$binary")

set -- --label "org.opencontainers.image.title=speaker" --label "org.opencontainers.image.version=$version" \
    --label "org.opencontainers.image.licenses=Apache-2.0"
[ "$capability" = none ] || set -- "$@" --setcap "/kube-ovn/kube-ovn-speaker=net_bind_service=$capability"
"$here/archive.sh" "$@" "${name:-speaker:$version}" "$out" \
    "/kube-ovn/kube-ovn-speaker=$binary" \
    /usr/local/bin/speaker@=/kube-ovn/kube-ovn-speaker \
    /usr/local/bin/kube-ovn-speaker@=/kube-ovn/kube-ovn-speaker \
    /usr/local/bin/gobgp@=/kube-ovn/kube-ovn-speaker \
    "/etc/passwd=$here/passwd" "/etc/group=$here/group" /run/ /tmp/ -- /kube-ovn/kube-ovn-speaker
echo "$out: ${name:-speaker:$version}, binary $size octets, archive $(wc -c <"$out") octets"
