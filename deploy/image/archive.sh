#!/bin/sh
# Writes a container image of one layer, without a container engine: an archive that is an OCI image layout and, for
# `docker load`, a Docker archive too. The same input gives the same octets, whoever runs it and when.
#
#   archive.sh [OPTION…] NAME:TAG OUT.tar ITEM… [-- ENTRYPOINT ARG…]
#
# ITEM:  PATH=FILE    a file of this machine at PATH in the image; mode 755 if it may be executed here, else 644
#        PATH@=TO     a symbolic link
#        PATH/        an empty directory, mode 755 (/tmp/: 1777)
#        +FILE        a program of this machine at its own path, with the shared libraries it needs
# --arch ARCH        amd64 (default) or arm64
# --env NAME=VALUE   for the entrypoint's environment, in addition to PATH; repeatable
# --label KEY=VALUE  a label of the image; repeatable
# --setcap PATH=CAP=FLAGS  a file capability (capabilities(7)): CAP of chown, net_bind_service, net_admin, net_raw and
#                    sys_nice, FLAGS of e, i and p; once
#
# Needs GNU tar, sha256sum, jq; with +FILE also ldd. Needs no privilege.
set -eu

fail() {
    echo "archive.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,19p' "$0" >&2
    exit 2
}

# NAME as containerd knows it: docker.io and library filled in where the name leaves them out.
full_name() {
    case $1 in
    */*) ;;
    *) echo "docker.io/library/$1" && return ;;
    esac
    case ${1%%/*} in
    *.* | *:* | localhost) echo "$1" ;;
    *) echo "docker.io/$1" ;;
    esac
}

parents() { # PATH: makes its directories
    mkdir -p "$root/$(dirname "$1")"
}

file() { # PATH FILE
    [ -f "$2" ] || fail "$1: there is no file $2"
    parents "$1"
    cp "$2" "$root/$1"
    if [ -x "$2" ]; then chmod 755 "$root/$1"; else chmod 644 "$root/$1"; fi
}

# A program and what ldd finds; each library where it is found, for that is where it will be looked for.
program() { # FILE
    file "$1" "$1"
    { ldd "$1" 2>/dev/null || true; } | sed -n 's/.*=> \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' >"$work/libraries"
    while read -r library; do
        [ -e "$root/$library" ] || file "$library" "$library"
    done <"$work/libraries"
}

item() {
    case $1 in
    +/*) program "${1#+}" ;;
    /*@=*) parents "${1%%@=*}" && ln -s "${1#*@=}" "$root/${1%%@=*}" ;;
    /*=*) file "${1%%=*}" "${1#*=}" ;;
    /tmp/) mkdir -p "$root/tmp" ;;
    /*/) mkdir -p "$root/$1" ;;
    *) fail "$1 is none of PATH=FILE, PATH@=TO, PATH/ and +FILE; paths begin with /" ;;
    esac
}

blob() { # FILE: puts it among the blobs, prints its digest without the prefix
    digest=$(sha256sum "$1" | cut -d ' ' -f 1)
    mv "$1" "$out/blobs/sha256/$digest"
    echo "$digest"
}

# Owner, order and times are fixed, or the octets would depend on the machine. Blocks are not filled up to records: two
# of zeros are the end.
pack() { # DIRECTORY PATHS OUT
    tar --format=ustar -b 1 --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --no-recursion \
        -C "$1" -cf "$3" --null -T "$2"
}

paths() { # DIRECTORY: what is in it, for pack
    (cd "$1" && find . -mindepth 1 -printf '%P\0' | LC_ALL=C sort -z)
}

# The value of the attribute security.capability: magic with the effective bit, then permitted and inheritable, 32 bits
# each, little-endian, then their upper halves.
capability() { # CAP=FLAGS
    case ${1%=*} in
    chown) bit=0 ;; net_bind_service) bit=10 ;; net_admin) bit=12 ;; net_raw) bit=13 ;; sys_nice) bit=23 ;;
    *) fail "--setcap $1: CAP must be chown, net_bind_service, net_admin, net_raw or sys_nice" ;;
    esac
    effective=0 permitted=0 inheritable=0
    case ${1##*=} in '' | *[!eip]*) fail "--setcap $1: FLAGS must be letters of e, i and p" ;; esac
    case ${1##*=} in *e*) effective=1 ;; esac
    case ${1##*=} in *p*) permitted=$((1 << bit)) ;; esac
    case ${1##*=} in *i*) inheritable=$((1 << bit)) ;; esac
    for octet in $effective 0 0 2 \
        $((permitted & 255)) $((permitted >> 8 & 255)) $((permitted >> 16 & 255)) 0 \
        $((inheritable & 255)) $((inheritable >> 8 & 255)) $((inheritable >> 16 & 255)) 0 \
        0 0 0 0 0 0 0 0; do
        # shellcheck disable=SC2059 # the octet is the format
        printf "\\$(printf %03o "$octet")"
    done
}

# A pax header in front of a file's own says what ustar has no field for. tar could take it from a file that has the
# attribute, but to give a file that attribute needs privilege.
pax_header() { # CAP=FLAGS OUT
    # One record: its own length, 57, the key and 20 octets.
    { printf '57 SCHILY.xattr.security.capability=' && capability "$1" && echo; } >"$work/PaxHeader"
    [ "$(wc -c <"$work/PaxHeader")" = 57 ] || fail "--setcap $1: cannot be written"
    printf 'PaxHeader\0' >"$work/paths"
    chmod 644 "$work/PaxHeader"
    pack "$work" "$work/paths" "$work/header"
    head -c 1024 "$work/header" >"$2"
    # Of type x instead of 0: in the octet at 156, and by as much in the checksum at 148.
    sum=$(dd if="$2" bs=1 skip=148 count=6 status=none)
    printf '%06o' $((0$sum + 72)) | dd of="$2" bs=1 seek=148 conv=notrunc status=none
    printf x | dd of="$2" bs=1 seek=156 conv=notrunc status=none
}

layer() {
    find "$root" -type d -exec chmod 755 {} +
    [ ! -d "$root/tmp" ] || chmod 1777 "$root/tmp"
    paths "$root" >"$work/all"
    if [ -z "$setcap" ]; then
        pack "$root" "$work/all" "$work/layer"
        return
    fi
    path=${setcap%%=*}
    [ -f "$root/$path" ] && [ ! -L "$root/$path" ] || fail "--setcap $setcap: there is no file $path in the image"
    pax_header "${setcap#*=}" "$work/pax"
    printf '%s\0' "${path#/}" >"$work/one"
    grep -zvxF "${path#/}" "$work/all" >"$work/others"
    pack "$root" "$work/others" "$work/layer.others"
    pack "$root" "$work/one" "$work/layer.one"
    { head -c -1024 "$work/layer.others" && cat "$work/pax" "$work/layer.one"; } >"$work/layer"
}

documents() { # LAYER-DIGEST LAYER-SIZE, then ENTRYPOINT ARG…
    layer_digest=$1 layer_size=$2
    shift 2
    created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
    jq -cjn --arg arch "$arch" --arg layer "sha256:$layer_digest" --arg created "$created" --rawfile env "$work/env" \
        --rawfile labels "$work/labels" '
        def lines: split("\n") | map(select(. != ""));
        {created: $created, architecture: $arch, os: "linux",
         config: {Entrypoint: $ARGS.positional, WorkingDir: "/",
            Env: (["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] + ($env | lines)),
            Labels: ($labels | lines | map(capture("^(?<key>[^=]*)=(?<value>.*)$")) | from_entries)},
         rootfs: {type: "layers", diff_ids: [$layer]},
         history: [{created: $created, created_by: "archive.sh"}]}' --args "$@" >"$work/config"
    config_size=$(wc -c <"$work/config")
    config=$(blob "$work/config")
    media=application/vnd.oci.image
    jq -cjn --arg media "$media" --arg config "sha256:$config" --argjson config_size "$config_size" \
        --arg layer "sha256:$layer_digest" --argjson layer_size "$layer_size" '
        {schemaVersion: 2, mediaType: "\($media).manifest.v1+json",
         config: {mediaType: "\($media).config.v1+json", digest: $config, size: $config_size},
         layers: [{mediaType: "\($media).layer.v1.tar", digest: $layer, size: $layer_size}]}' >"$work/manifest"
    manifest_size=$(wc -c <"$work/manifest")
    manifest=$(blob "$work/manifest")
    jq -cjn --arg media "$media" --arg manifest "sha256:$manifest" --argjson size "$manifest_size" --arg arch "$arch" \
        --arg full "$(full_name "$name")" --arg tag "${name##*:}" '
        {schemaVersion: 2, mediaType: "\($media).index.v1+json",
         manifests: [{mediaType: "\($media).manifest.v1+json", digest: $manifest, size: $size,
            platform: {architecture: $arch, os: "linux"},
            annotations: {"io.containerd.image.name": $full, "org.opencontainers.image.ref.name": $tag}}]}' \
        >"$out/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$out/oci-layout"
    jq -cjn --arg config "blobs/sha256/$config" --arg name "$name" --arg layer "blobs/sha256/$layer_digest" \
        '[{Config: $config, RepoTags: [$name], Layers: [$layer]}]' >"$out/manifest.json"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root out=$work/out arch=amd64 epoch=${SOURCE_DATE_EPOCH:-0}
mkdir -p "$root" "$out/blobs/sha256"
: >"$work/env" && : >"$work/labels" && setcap=""
while [ $# -gt 0 ]; do
    case $1 in
    --arch | --env | --label | --setcap) [ $# -ge 2 ] || fail "$1 needs a value" ;;
    --*) usage ;;
    *) break ;;
    esac
    case $1:$2 in --arch:* | --env:?*=* | --label:?*=* | --setcap:/?*=?*=?*) ;; *) fail "$1 $2: must be as --help has it" ;; esac
    case $1 in
    --arch) arch=$2 ;;
    --env) printf '%s\n' "$2" >>"$work/env" ;;
    --label) printf '%s\n' "$2" >>"$work/labels" ;;
    --setcap) setcap=$2 ;;
    esac
    shift 2
done
[ $# -ge 3 ] || usage
case $arch in amd64 | arm64) ;; *) fail "--arch $arch: must be amd64 or arm64" ;; esac
name=$1 target=$2
case ${name##*/} in ?*:?*) ;; *) fail "$name: must be NAME:TAG" ;; esac
shift 2
while [ $# -gt 0 ]; do
    [ "$1" != -- ] || { shift && break; }
    item "$1"
    shift
done

layer
size=$(wc -c <"$work/layer")
digest=$(blob "$work/layer")
documents "$digest" "$size" "$@"
mkdir -p "$(dirname "$target")"
find "$out" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
paths "$out" >"$work/all"
pack "$out" "$work/all" "$work/image"
mv "$work/image" "$target"
chmod 644 "$target"
