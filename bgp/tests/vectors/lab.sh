#!/bin/bash
# lab.sh DIR: four routers that tell each other all they can; DIR/all.pcap is what they said. As root, in namespaces of its own.
set -u
d=$1; mkdir -p $d; cd $d
P=vx$$
ns() { ip netns exec $P-$1 "${@:2}"; }
clean() { for p in $(cat $d/pids 2>/dev/null); do kill $p 2>/dev/null; done; sleep 1; for n in sw frr bird gobgp exa; do ip netns del $P-$n 2>/dev/null; done; }
trap clean EXIT
: > pids
ip netns add $P-sw; ns sw ip link add br0 type bridge; ns sw ip link set br0 up; ns sw ip link set lo up
i=1
for n in frr bird gobgp exa; do
  ip netns add $P-$n
  ip link add v0 netns $P-$n type veth peer name p$i netns $P-sw
  ns sw ip link set p$i master br0 up
  ns $n ip link set lo up; ns $n sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.v0.accept_dad=0
  ns $n ip link set v0 up
  ns $n ip addr add 10.9.0.$i/24 dev v0; ns $n ip addr add fd00:9::$i/64 dev v0 nodad
  i=$((i+1))
done
ns sw dumpcap -q -i br0 -f 'tcp port 179' -w $d/all.pcap >dumpcap.log 2>&1 & echo $! >> pids
sleep 1
cat > frr.conf <<'C'
router bgp 65101
 bgp router-id 10.9.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp graceful-restart
 bgp long-lived-graceful-restart stale-time 3600
 bgp cluster-id 10.9.9.9
 timers bgp 3 9
 neighbor 10.9.0.2 remote-as 4200000002
 neighbor 10.9.0.2 local-role provider
 neighbor fd00:9::2 remote-as 4200000002
 neighbor fd00:9::2 capability extended-nexthop
 neighbor 10.9.0.3 remote-as 65101
 neighbor 10.9.0.4 remote-as 65101
 address-family ipv4 unicast
  network 198.51.100.0/24 route-map ONE
  network 198.51.101.0/24 route-map TWO
  network 198.51.102.0/25 route-map THREE
  network 0.0.0.0/0
  network 203.0.113.7/32 route-map FOUR
  aggregate-address 192.0.0.0/8 as-set
  neighbor 10.9.0.2 activate
  neighbor 10.9.0.2 route-map OUT out
  neighbor 10.9.0.2 addpath-tx-all-paths
  neighbor fd00:9::2 activate
  neighbor 10.9.0.3 route-reflector-client
  neighbor 10.9.0.4 route-reflector-client
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:1::/48 route-map ONE
  network 2001:db8:2:3::/64
  network 2001:db8::1/128 route-map TWO
  network ::/0
  neighbor fd00:9::2 activate
  neighbor 10.9.0.3 activate
  neighbor 10.9.0.3 route-reflector-client
  neighbor 10.9.0.4 activate
  neighbor 10.9.0.4 route-reflector-client
 exit-address-family
route-map ONE permit 10
 set community 65101:7 no-export 65535:0
 set large-community 65101:1:2 4200000002:3:4
 set extcommunity bandwidth 10000
 set metric 50
route-map TWO permit 10
 set extcommunity rt 65101:100 10.9.0.1:5
 set extcommunity soo 65101:9
 set origin egp
 set local-preference 250
route-map THREE permit 10
 set origin incomplete
 set atomic-aggregate
 set aggregator as 65101 10.9.0.1
 set community additive 65101:1
route-map FOUR permit 10
 set as-path prepend 65101 65101 65101
 set metric 4294967295
route-map OUT permit 10
C
chown frr frr.conf 2>/dev/null; mkdir -p run; chmod 777 . run
ns frr /usr/lib/frr/bgpd -Z -S -n -u root -g root -f $d/frr.conf -i $d/run/bgpd.pid --vty_socket $d/run -A 127.0.0.1 >frr.log 2>&1 & echo $! >> pids
cat > bird.conf <<'C'
log "/dev/null" all;
router id 10.9.0.2;
define LC = (65102, 11, 22);
protocol device {}
protocol static s4 { ipv4; 
 route 192.0.2.0/24 blackhole { bgp_community.add((65102,100)); bgp_community.add((65535,65281)); bgp_large_community.add((4200000002,11,22)); bgp_large_community.add((65102,0,4294967295)); bgp_ext_community.add((rt,65102,77)); bgp_ext_community.add((generic,0x40040000,0x49742400)); bgp_med=10; };
 route 192.0.3.0/25 blackhole { bgp_origin=ORIGIN_EGP; bgp_med=0; };
 route 192.0.4.4/32 blackhole { bgp_path.prepend(65111); bgp_path.prepend(65112); bgp_origin=ORIGIN_INCOMPLETE; };
 route 100.64.0.0/10 blackhole { bgp_path.prepend(4200000077); bgp_local_pref=300; };
 route 0.0.0.0/0 blackhole;
}
protocol static s6 { ipv6; route 2001:db8:b::/48 blackhole { bgp_community.add((65102,6)); }; route 2001:db8:b:1::/64 blackhole; route 2001:db8:b::b/128 blackhole; route ::/0 blackhole; }
protocol bgp frr { local 10.9.0.2 as 4200000002; neighbor 10.9.0.1 as 65101; hold time 9; local role customer; graceful restart on; long lived graceful restart on; enable extended messages on; 
 ipv4 { import all; export filter { if source=RTS_STATIC then accept; reject; }; add paths on; }; }
protocol bgp frr6 { local fd00:9::2 as 4200000002; neighbor fd00:9::1 as 65101; hold time 9; 
 ipv4 { import all; export where source=RTS_STATIC; extended next hop on; }; ipv6 { import all; export where source=RTS_STATIC; }; }
protocol bgp gob { local 10.9.0.2 as 4200000002; neighbor 10.9.0.3 as 65101; hold time 9; enable extended messages on; ipv4 { import all; export all; }; ipv6 { import all; export all; next hop address fd00:9::2; }; }
protocol bgp exa2 { local 10.9.0.2 as 4200000002; neighbor 10.9.0.4 as 65104; hold time 9; enable as4 off; enable route refresh off; ipv4 { import all; export all; }; }
C
ns bird bird -f -c $d/bird.conf -s $d/bird.ctl >bird.log 2>&1 & echo $! >> pids
cat > gobgp.toml <<'C'
[global.config]
  as = 65101
  router-id = "10.9.0.3"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "10.9.0.1"
    peer-as = 65101
  [neighbors.timers.config]
    hold-time = 9
    keepalive-interval = 3
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 77
    notification-enabled = true
    long-lived-enabled = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
    [neighbors.afi-safis.long-lived-graceful-restart.config]
      enabled = true
      restart-time = 4000
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
[[neighbors]]
  [neighbors.config]
    neighbor-address = "10.9.0.2"
    peer-as = 4200000002
  [neighbors.timers.config]
    hold-time = 9
    keepalive-interval = 3
  [neighbors.ebgp-multihop.config]
    enabled = true
    multihop-ttl = 2
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.add-paths.config]
      receive = true
      send-max = 4
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
C
ns gobgp gobgpd -f $d/gobgp.toml --api-hosts 127.0.0.1:50051 >gobgp.log 2>&1 & echo $! >> pids
cat > exa.conf <<C
process api { run /bin/sh $d/exa.sh; encoder text; }
neighbor 10.9.0.1 { router-id 10.9.0.4; local-address 10.9.0.4; local-as 65101; peer-as 65101; hold-time 9; group-updates false;
 capability { graceful-restart 65; route-refresh enable; add-path disable; extended-message enable; asn4 enable; }
 family { ipv4 unicast; ipv6 unicast; }
 api { processes [ api ]; }
 static {
  route 172.16.0.0/12 next-hop 10.9.0.4 origin igp as-path [ 64999 65000 ] med 17 local-preference 120 community [ 64999:1 no-advertise 0xFFFF0000 ];
  route 172.31.1.1/32 next-hop 10.9.0.4 large-community [ 64999:1:2 4294967295:0:1 ] extended-community [ target:64999:5 origin:10.0.0.9:7 0x4004fc007a120000 ];
  route 172.17.0.0/16 next-hop 10.9.0.4 as-path [ 64999 4200000001 ] atomic-aggregate aggregator ( 4200000001:10.9.0.4 );
  route 172.18.0.0/15 next-hop 10.9.0.4 originator-id 10.9.0.77 cluster-list [ 1.1.1.1 2.2.2.2 ];
  route 172.20.0.0/14 next-hop 10.9.0.4 attribute [ 0x63 0xc0 0xdeadbeef ];
  route 172.24.0.0/13 next-hop 10.9.0.4 attribute [ 0x23 0xc0 0x0000fdeb ];
  route 172.28.0.0/24 next-hop 10.9.0.4 as-path [ 64999 ( 65001 65002 65003 ) ];
  route 2001:db8:e::/48 next-hop fd00:9::4 community [ 64999:6 ];
  route 2001:db8:e::e/128 next-hop fd00:9::4 med 1 local-preference 9;
 }
}
neighbor 10.9.0.2 { router-id 10.9.0.4; local-address 10.9.0.4; local-as 65104; peer-as 23456; hold-time 9; outgoing-ttl 1; capability { asn4 disable; }
 family { ipv4 unicast; }
 static { route 172.21.0.0/16 next-hop 10.9.0.4 as-path [ 65104 65001 ] aggregator ( 65104:10.9.0.4 ); route 172.22.0.0/16 next-hop 10.9.0.4 med 5; }
}
C
cat > exa.sh <<'C'
sleep 6
echo 'announce route 172.25.0.0/24 next-hop self community [ 65101:99 ]'
sleep 2
echo 'announce attributes next-hop 10.9.0.4 local-preference 77 nlri 172.26.0.0/24 172.26.1.0/25 172.26.2.2/32'
sleep 1
echo 'withdraw route 172.16.0.0/12 next-hop 10.9.0.4'
echo 'withdraw route 2001:db8:e::/48 next-hop fd00:9::4'
echo 'announce route-refresh ipv4 unicast'
sleep 1
echo 'announce eor ipv4 unicast'
sleep 1
echo 'neighbor 10.9.0.1 teardown 4'
sleep 30
C
ns exa env exabgp.log.destination=$d/exa.log exabgp.daemon.user=root exabgp.api.cli=false exabgp.tcp.bind='' exabgp $d/exa.conf >exa.out 2>&1 & echo $! >> pids
sleep 7
g() { ns gobgp gobgp "$@"; }
g global rib add 10.30.0.0/24 community 65101:3,no-export med 33 2>>gobgp.err
g global rib add 10.30.1.0/24 large-community 65101:3:3 identifier 7 2>>gobgp.err
g global rib add 10.30.2.2/32 rt 65101:3 local-pref 333 origin egp 2>>gobgp.err
g global rib add 10.30.3.0/25 aspath "65001,65002,{65003,65004}" 2>>gobgp.err
g global rib add 10.30.4.0/24 aggregator 65001:10.9.0.3 2>>gobgp.err
g global rib add -a ipv6 2001:db8:60::/48 nexthop fd00:9::3 community 65101:4 2>>gobgp.err
g global rib add -a ipv6 2001:db8:60::1/128 nexthop fd00:9::3 2>>gobgp.err
sleep 2
g global rib del 10.30.0.0/24; g global rib -a ipv6 del 2001:db8:60::/48
g neighbor 10.9.0.1 softresetin; g neighbor 10.9.0.2 softreset
v() { ns frr vtysh --vty_socket $d/run "$@"; }
v -c 'clear bgp ipv4 unicast 10.9.0.2 soft in' -c 'clear bgp ipv6 unicast fd00:9::2 soft in' -c 'clear bgp ipv4 unicast 10.9.0.3 soft in'
ns bird birdc -s $d/bird.ctl reload in frr; ns bird birdc -s $d/bird.ctl reload in gob
sleep 3
v -c 'conf t' -c 'router bgp 65101' -c 'address-family ipv4 unicast' -c 'no network 198.51.102.0/25' -c 'address-family ipv6 unicast' -c 'no network 2001:db8:2:3::/64'
sleep 2
ns bird birdc -s $d/bird.ctl disable frr6 '"BIRD says goodbye"'; ns bird birdc -s $d/bird.ctl restart gob '"back soon"'
sleep 2
v -c 'conf t' -c 'router bgp 65101' -c 'neighbor 10.9.0.3 shutdown message FRR maintenance ticket 4711'
sleep 2
v -c 'conf t' -c 'router bgp 65101' -c 'no neighbor 10.9.0.3 shutdown' -c 'neighbor 10.9.0.3 maximum-prefix 1' 
v -c 'conf t' -c 'router bgp 65101' -c 'address-family ipv4 unicast' -c 'neighbor 10.9.0.3 maximum-prefix 1'
v -c 'clear bgp 10.9.0.2'
v -c 'conf t' -c 'router bgp 65101' -c 'neighbor 10.9.0.2 remote-as 65500'
sleep 3
g neighbor 10.9.0.2 shutdown; sleep 1; g neighbor 10.9.0.2 reset; 
v -c 'show bgp summary' > summary.txt; g neighbor >> summary.txt; ns bird birdc -s $d/bird.ctl show protocols >> summary.txt
v -c 'conf t' -c 'router bgp 65101' -c 'no neighbor fd00:9::2'
sleep 3
