#!/bin/bash
# What a NAT gateway's bfdd container starts, as docs/sidecar.md documents it.
set -ex
listen=()
for ip in $(echo "${POD_IPS:-::}" | tr ',' ' '); do
  listen+=("--listen=${ip}")
done
bfdd-beacon --nofork --tee "${listen[@]}"
