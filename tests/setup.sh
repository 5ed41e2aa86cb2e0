#!/bin/sh
# Installs what the tests in this crate need, on Debian or Ubuntu. Running it again changes nothing.
# Routers, etcd and Prometheus are started by the tests, in namespaces of their own: no packaged
# service may run; OVN needs no kernel module, it has the switch's userspace datapath. Kubernetes,
# GoBGP 4 and Helm are in no package: they are compiled once, into a cache.
set -eu

packages="g++ frr bird2 gobgpd exabgp tshark iproute2 nftables openssl etcd-server etcd-client prometheus
    openvswitch-switch ovn-central ovn-host ethtool containerd runc containernetworking-plugins iptables conntrack
    busybox-static jq"
services="frr bird bird6 gobgpd exabgp etcd prometheus"
# Of these only what is installed here is kept from starting at the next boot: what was there before may be the
# machine's own, and the labs, with directories and namespaces of their own, are not in its way.
keepers="ovn-central ovn-host openvswitch-switch containerd"

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/speaker-lab
kube=$cache/kube-1.34.4
gobgp=$cache/gobgp-4.8.0
helm=$cache/helm-3.19.0
operator=$cache/prometheus-operator-0.85.0
go_needed=1.25

fail() {
    echo "setup.sh: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "must be run as root"
command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || fail "needs apt (Debian, Ubuntu)"

built() {
    for program in "$kube/kube-apiserver" "$kube/kubectl" "$kube/kube-controller-manager" "$kube/kube-scheduler" \
        "$kube/kubelet" "$kube/kube-proxy" "$gobgp/gobgp" "$gobgp/gobgpd" "$helm/helm"; do
        [ -x "$program" ] || return 1
    done
}

# Said before anything is changed: neither apt nor this script can help with it.
if ! built; then
    found=$(go env GOVERSION 2>/dev/null) || found=""
    oldest=$(printf '%s\n' "go$go_needed" "${found:-go0}" | sort -V | head -n 1)
    [ "$oldest" = "go$go_needed" ] || fail "needs Go $go_needed or later in PATH to compile Kubernetes," \
        "GoBGP and Helm for the labs, found ${found:-no Go}: get it at https://go.dev/dl/"
fi

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
    if [ -d /run/systemd/system ]; then
        for service in $keepers; do
            case " $missing " in
            *" $service "*) systemctl disable -q "$service" || fail "cannot disable the service $service" ;;
            esac
        done
    fi
fi

# A service that was started before, or that the next boot would start, holds port 179.
if [ -d /run/systemd/system ]; then
    for service in $services; do
        if systemctl is-active -q "$service" || systemctl is-enabled -q "$service" 2>/dev/null; then
            systemctl disable -q --now "$service" || fail "cannot disable the service $service"
        fi
    done
fi

for program in /usr/lib/frr/zebra /usr/lib/frr/bgpd /usr/lib/frr/bfdd vtysh bird birdc gobgpd gobgp exabgp tshark \
    dumpcap ip nft ss openssl etcd etcdctl prometheus ovsdb-tool ovsdb-server ovs-vswitchd ovs-vsctl ovs-appctl \
    ovn-nbctl ovn-sbctl ovn-northd ovn-controller ethtool containerd runc iptables conntrack busybox jq; do
    command -v "$program" >/dev/null || fail "$program is still missing"
done

if ! built; then
    echo "setup.sh: compiling Kubernetes, GoBGP and Helm into $cache: about 8 minutes, once"
    "$here/lab/kube/build.sh" "$kube" || fail "cannot compile Kubernetes"
    GOBIN=$gobgp CGO_ENABLED=0 nice -n 10 go install github.com/osrg/gobgp/v4/cmd/gobgp@v4.8.0 \
        github.com/osrg/gobgp/v4/cmd/gobgpd@v4.8.0 || fail "cannot compile GoBGP"
    (cd "$here/lab/helm" && CGO_ENABLED=0 nice -n 10 go build -buildvcs=false -trimpath -ldflags "-s -w" \
        -o "$helm/helm" helm.sh/helm/v3/cmd/helm) || fail "cannot compile Helm"
fi
if ! [ -r "$operator/podmonitors.yaml" ] || ! [ -r "$operator/prometheusrules.yaml" ]; then
    "$here/lab/prometheus-operator/fetch.sh" "$operator" || fail "cannot fetch the definitions of Prometheus' operator"
fi
echo "setup.sh: all there"
