#!/bin/sh
# Startup probe: tells the beacon its intervals, then its peers; `new` has to come before `allow`.
set -e
bfdd-control session new set mintx "${BFD_MIN_TX:-1000}" ms
bfdd-control session new set minrx "${BFD_MIN_RX:-1000}" ms
bfdd-control session new set multi "${BFD_MULTI:-3}"
for ip in $(echo "${BFD_PEER_IPS:-::}" | tr ',' ' '); do
  bfdd-control allow "${ip}"
done
bfdd-control log type command no
