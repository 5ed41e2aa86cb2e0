#!/bin/sh
# Builds the images of egress gateways without a container engine: the controller, one static binary, and the gateway, the
# static sidecar under all its names beside iptables of both flavours and ip, from the packages of this machine's Debian.
#
#   egress.sh [--egress FILE] [--sidecar FILE] [--out DIRECTORY] [--tag TAG]
#
# --egress FILE, --sidecar FILE  static programs there are already; default: built here with the profile `dist`
# --out DIRECTORY   where egress.tar and egress-gateway.tar go; default target/image
# --tag TAG         of egress:TAG and egress-gateway:TAG; default the version in Cargo.toml
#
# CARGO and CARGO_TARGET_DIR are heeded. Needs the packages iptables and iproute2.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
egress="" sidecar="" out=$top/target/image tag=""

fail() {
    echo "egress.sh: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --egress | --sidecar | --out | --tag) [ $# -ge 2 ] || fail "$1 needs a value" ;;
    *) sed -n '2,12p' "$0" >&2 && exit 2 ;;
    esac
    case $1 in
    --egress) egress=$2 ;;
    --sidecar) sidecar=$2 ;;
    --out) out=$2 ;;
    --tag) tag=$2 ;;
    esac
    shift 2
done

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$top/Cargo.toml" | head -n 1)
[ -n "$version" ] || fail "no version in $top/Cargo.toml"
tag=${tag:-$version}
egress=$("$here/static.sh" egress ${egress:+"$egress"})
sidecar=$("$here/static.sh" sidecar ${sidecar:+"$sidecar"})

image() { # NAME LICENSES ITEM…
    name=$1 licenses=$2
    shift 2
    "$here/archive.sh" --label "org.opencontainers.image.title=$name" --label "org.opencontainers.image.licenses=$licenses" \
        --label "org.opencontainers.image.version=$version" "$name:$tag" "$out/$name.tar" \
        "/etc/passwd=$here/passwd" "/etc/group=$here/group" /run/ /tmp/ "$@"
    echo "$out/$name.tar: $name:$tag, archive $(wc -c <"$out/$name.tar") octets"
}

image egress Apache-2.0 "/usr/local/bin/egress=$egress" -- /usr/local/bin/egress

set -- "/usr/local/bin/sidecar=$sidecar"
for name in bfdd-beacon bfdd-control kube-ovn-bfdd-supervisor; do
    set -- "$@" "/usr/local/bin/$name@=/usr/local/bin/sidecar"
done
for program in xtables-nft-multi xtables-legacy-multi; do
    [ -f "/usr/sbin/$program" ] || fail "there is no /usr/sbin/$program: the package iptables is missing"
    set -- "$@" "+/usr/sbin/$program"
done
for flavour in nft legacy; do
    for family in ip ip6; do
        for what in "" -save -restore; do
            set -- "$@" "/usr/sbin/${family}tables-$flavour$what@=xtables-$flavour-multi"
            [ "$flavour" = legacy ] || set -- "$@" "/usr/sbin/${family}tables$what@=xtables-nft-multi"
        done
    done
done
# What iptables knows of matches and targets: one library each, looked for where the package has them.
modules=$(find /usr/lib/*-linux-gnu/xtables -name 'libxt_*.so' -o -name 'libipt_*.so' -o -name 'libip6t_*.so' | LC_ALL=C sort)
[ -n "$modules" ] || fail "there are no extensions of iptables below /usr/lib"
for module in $modules; do
    set -- "$@" "+$module"
done
ip=$(readlink -f "$(command -v ip)") || fail "there is no ip: the package iproute2 is missing"
set -- "$@" "+$ip"
[ "$ip" = /usr/sbin/ip ] || set -- "$@" "/usr/sbin/ip@=$ip"
image egress-gateway "Apache-2.0 AND GPL-2.0-or-later AND LGPL-2.1-or-later" "$@" -- /usr/local/bin/sidecar
