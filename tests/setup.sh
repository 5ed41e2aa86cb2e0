#!/bin/sh
# Installs what the tests in this crate need, on Debian or Ubuntu. Running it again changes nothing.
# The routers are started by the tests, in namespaces of their own: no packaged service may run.
set -eu

packages="frr bird2 gobgpd tshark iproute2 nftables prometheus"
services="frr bird bird6 gobgpd prometheus"

fail() {
    echo "setup.sh: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "must be run as root"
command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || fail "needs apt (Debian, Ubuntu)"

missing=""
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done

policy=/usr/sbin/policy-rc.d
ours=""
cleanup() {
    [ -z "$ours" ] || rm -f "$policy"
}
trap cleanup EXIT

if [ -n "$missing" ]; then
    export DEBIAN_FRONTEND=noninteractive
    # While packages are being installed, nothing of theirs is started (exit code 101: forbidden).
    if [ ! -e "$policy" ]; then
        ours=1
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    apt-get update -q || fail "apt-get update failed"
    # shellcheck disable=SC2086 # a list of words
    apt-get install -q -y --no-install-recommends $missing || fail "cannot install:$missing"
fi

# A service that was started before, or that the next boot would start, holds port 179.
if [ -d /run/systemd/system ]; then
    for service in $services; do
        if systemctl is-active -q "$service" || systemctl is-enabled -q "$service" 2>/dev/null; then
            systemctl disable -q --now "$service" || fail "cannot disable the service $service"
        fi
    done
fi

for program in /usr/lib/frr/zebra /usr/lib/frr/bgpd vtysh bird birdc gobgpd gobgp tshark dumpcap ip nft ss promtool; do
    command -v "$program" >/dev/null || fail "$program is still missing"
done
echo "setup.sh: all there"
