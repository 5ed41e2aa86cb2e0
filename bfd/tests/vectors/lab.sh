#!/bin/bash
# lab.sh DIR: what FRR, BIRD, ovs-vswitchd and ovn-controller send in BFD sessions; DIR/*.pcap is what was said. As root,
# in namespaces of its own. Packages: frr bird2 openvswitch-switch ovn-central ovn-host wireshark-common iproute2 nftables
set -u
d=$(realpath -m "$1"); rm -rf "$d"; mkdir -p "$d"; cd "$d" || exit 1
P=bv$$
ns() { ip netns exec "$P-$1" "${@:2}"; }
# `ip netns exec` becomes the program, so that the number is the program's.
keep() { ip netns exec "$P-$1" "${@:2}" >>"$d/log" 2>&1 & echo $! >>"$d/pids"; }
clean() {
  for p in $(cat "$d/pids"); do kill "$p" 2>/dev/null; done
  sleep 1
  for n in one two frr ovs ovn gw; do ip netns del "$P-$n" 2>/dev/null; done
}
trap clean EXIT
: >pids
for n in one two frr ovs ovn gw; do ip netns add "$P-$n"; ns $n ip link set lo up; done
wire() { # NAMESPACE DEVICE ADDRESSES, twice
  ip link add "$2" netns "$P-$1" type veth peer name "$5" netns "$P-$4"
  ns "$1" ip link set "$2" up; ns "$4" ip link set "$5" up
  for a in $3; do ns "$1" ip addr add "$a" dev "$2" nodad 2>/dev/null || ns "$1" ip addr add "$a" dev "$2"; done
  for a in $6; do ns "$4" ip addr add "$a" dev "$5" nodad 2>/dev/null || ns "$4" ip addr add "$a" dev "$5"; done
}
capture() { keep "$1" dumpcap -q -i "$2" -f 'udp port 3784 or udp port 4784' -w "$d/$3.pcap"; }

# BIRD and BIRD, one link for each way to authenticate; link 6 uses none and offers other numbers.
for i in 1 2 3 4 5 6; do wire one v$i 10.9.$i.1/24 two v$i 10.9.$i.2/24; done
# BIRD and FRR, both families, and multihop.
wire one w0 '10.9.9.1/24 fd00:9::1/64 10.9.8.1/32' frr w0 '10.9.9.2/24 fd00:9::2/64 10.9.8.2/32'
ns one ip route add 10.9.8.2/32 via 10.9.9.2; ns frr ip route add 10.9.8.1/32 via 10.9.9.1
bird_conf() { # OUR-LAST-OCTET THEIR-LAST-OCTET
  cat <<C
log "/dev/null" all;
router id 10.9.1.$1;
protocol device {}
protocol bfd b0 {
  interface "v1" { interval 200 ms; authentication simple; password "open sesame" { id 1; }; };
  interface "v2" { interval 200 ms; authentication keyed md5; password "sixteen octets!!" { id 2; }; };
  interface "v3" { interval 200 ms; authentication meticulous keyed md5; password "short" { id 3; }; };
  interface "v4" { interval 200 ms; authentication keyed sha1; password "twenty octets, all.." { id 4; }; };
  interface "v5" { interval 200 ms; authentication meticulous keyed sha1; password "k" { id 255; }; };
  interface "v6" { min rx interval 70 ms; min tx interval 130 ms; idle tx interval 1100 ms; multiplier 7; };
  interface "w0" { interval 150 ms; };
  multihop { interval 250 ms; multiplier 4; };
  neighbor 10.9.1.$2 dev "v1";
  neighbor 10.9.2.$2 dev "v2";
  neighbor 10.9.3.$2 dev "v3";
  neighbor 10.9.4.$2 dev "v4";
  neighbor 10.9.5.$2 dev "v5";
  neighbor 10.9.6.$2 dev "v6";
$3
}
C
}
bird_conf 1 2 '  neighbor 10.9.9.2 dev "w0"; neighbor fd00:9::2 dev "w0"; neighbor 10.9.8.2 local 10.9.8.1 multihop on;' >one.conf
bird_conf 2 1 '' >two.conf
mkdir -p frr; cat >frr/frr.conf <<'C'
bfd
 profile quick
  detect-multiplier 5
  receive-interval 90
  transmit-interval 110
 exit
 peer 10.9.9.1 interface w0
  profile quick
  echo-mode
 exit
 peer fd00:9::1 local-address fd00:9::2 interface w0
 exit
 peer 10.9.8.1 multihop local-address 10.9.8.2
  minimum-ttl 60
 exit
C
chmod -R 777 frr
capture one any bird
sleep 1
keep frr /usr/lib/frr/zebra -z "$d/frr/zebra.sock" -i "$d/frr/zebra.pid" --vty_socket "$d/frr" -P 0
sleep 1
keep frr /usr/lib/frr/bfdd -z "$d/frr/zebra.sock" -i "$d/frr/bfdd.pid" --vty_socket "$d/frr" -P 0 --bfdctl "$d/frr/bfdd.ctl" -f "$d/frr/frr.conf"
keep one bird -f -c one.conf -s "$d/one.ctl"
sleep 2
keep two bird -f -c two.conf -s "$d/two.ctl"

# ovs-vswitchd and itself: two bridges of the userspace datapath with a link between them, BFD on both ports.
o=$d/ovs; mkdir -p "$o/run"
wire ovs s0 '' ovs s1 ''
export OVS_RUNDIR=$o/run OVS_LOGDIR=$o OVS_DBDIR=$o
ovsdb-tool create "$o/conf.db" /usr/share/openvswitch/vswitch.ovsschema
keep ovs ovsdb-server "$o/conf.db" --remote=punix:"$o/run/db.sock" --unixctl="$o/run/db.ctl"
sleep 1
vs="ns ovs ovs-vsctl --db=unix:$o/run/db.sock"
$vs --no-wait init
keep ovs ovs-vswitchd "unix:$o/run/db.sock" --unixctl="$o/run/vs.ctl"
capture ovs s0 ovs
$vs -- add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 s0 \
  -- add-br br1 -- set bridge br1 datapath_type=netdev -- add-port br1 s1
$vs -- set interface s0 bfd:enable=true bfd:min_tx=200 bfd:min_rx=120 bfd:mult=4 -- set interface s1 bfd:enable=true

# OVN: a router port speaks BFD, BIRD answers it.
o=$d/ovn; mkdir -p "$o/run"
export OVS_RUNDIR=$o/run OVN_RUNDIR=$o/run OVS_LOGDIR=$o OVN_LOGDIR=$o OVS_DBDIR=$o
for kind in 'nb ovn/ovn-nb' 'sb ovn/ovn-sb' 'db openvswitch/vswitch'; do
  set -- $kind
  ovsdb-tool create "$o/$1.db" "/usr/share/$2.ovsschema"
  keep ovn ovsdb-server "$o/$1.db" --remote=punix:"$o/run/$1.sock" --unixctl="$o/run/$1.ctl"
done
sleep 1
vs="ns ovn ovs-vsctl --db=unix:$o/run/db.sock"; nb="ns ovn ovn-nbctl --db=unix:$o/run/nb.sock"
$vs --no-wait init
$vs --no-wait set Open_vSwitch . external-ids:system-id=c1 external-ids:ovn-remote="unix:$o/run/sb.sock" \
  external-ids:ovn-encap-type=geneve external-ids:ovn-encap-ip=127.0.0.1 external-ids:ovn-bridge-datapath-type=netdev
keep ovn ovs-vswitchd "unix:$o/run/db.sock" --unixctl="$o/run/vs.ctl"
keep ovn ovn-northd --ovnnb-db="unix:$o/run/nb.sock" --ovnsb-db="unix:$o/run/sb.sock" --unixctl="$o/run/n.ctl"
keep ovn ovn-controller "unix:$o/run/db.sock"
wire ovn h0 '' gw eth0 192.168.0.2/24
ns gw ethtool -K eth0 tx off >>log 2>&1 # the userspace datapath does not finish checksums
ns gw ip link set eth0 address 02:00:00:00:01:02
capture gw eth0 ovn
$nb lr-add r -- ls-add s -- lrp-add r r-s 02:00:00:00:00:01 192.168.0.1/24 \
  -- lsp-add s s-r -- lsp-set-type s-r router -- lsp-set-addresses s-r router -- lsp-set-options s-r router-port=r-s \
  -- lsp-add s gw -- lsp-set-addresses gw '02:00:00:00:01:02 192.168.0.2'
sleep 3
$vs add-port br-int h0 -- set interface h0 external-ids:iface-id=gw
# 23.03 speaks only from a gateway port, and while a route asks for it.
$nb lrp-set-gateway-chassis r-s c1
bfd=$($nb create BFD logical_port=r-s dst_ip=192.168.0.2 min_tx=150 min_rx=250 detect_mult=4)
$nb --bfd="$bfd" lr-route-add r 10.0.0.0/8 192.168.0.2
cat >gw.conf <<'C'
log "/dev/null" all;
router id 192.168.0.2;
protocol device {}
protocol bfd { interface "eth0" { interval 150 ms; }; neighbor 192.168.0.1 dev "eth0"; }
C
keep gw bird -f -c gw.conf -s "$d/gw.ctl"
sleep 8

# Everything is up. Now changes of intervals, ends, silence.
vty() { ns frr vtysh --vty_socket "$d/frr" "$@" >>log 2>&1; }
vty -c 'show bfd peers'; ns one birdc -s one.ctl show bfd sessions >>log; ns gw birdc -s gw.ctl show bfd sessions >>log
vty -c 'conf t' -c 'bfd' -c 'peer 10.9.8.1 multihop local-address 10.9.8.2' -c 'transmit-interval 60' -c 'receive-interval 80'
sed -i 's/interval 70 ms/interval 90 ms/; s/tx interval 130 ms/tx interval 170 ms/' one.conf
ns one birdc -s one.ctl configure >>log
ns ovs ovs-appctl -t "$d/ovs/run/vs.ctl" bfd/set-forwarding s0 false
$nb set BFD "$bfd" min_tx=400
sleep 2
vty -c 'conf t' -c 'bfd' -c 'peer 10.9.9.1 interface w0' -c 'shutdown'
ns ovs ovs-vsctl --db="unix:$d/ovs/run/db.sock" set interface s1 bfd:cpath_down=true
ns two birdc -s two.ctl disable b0 >>log
ns gw nft 'add table inet t; add chain inet t in { type filter hook prerouting priority -300; }; add rule inet t in udp dport 3784 drop'
ns frr nft 'add table inet t; add chain inet t in { type filter hook prerouting priority -300; }; add rule inet t in udp dport { 3784, 4784 } drop'
sleep 4
ns gw ip link set eth0 down
ns ovs ip link set s1 down
sleep 1
