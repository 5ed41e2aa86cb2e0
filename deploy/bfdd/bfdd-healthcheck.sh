#!/bin/sh
# Liveness probe: the beacon answers, and has a session. Without one its peers are allowed once more before it fails.
set -e
status="$(bfdd-control status)"
case "${status}" in
"There are 0 sessions:"*)
  echo "${status}" >&2
  for ip in $(echo "${BFD_PEER_IPS:-}" | tr ',' ' '); do
    bfdd-control allow "${ip}"
  done
  exit 1
  ;;
esac
