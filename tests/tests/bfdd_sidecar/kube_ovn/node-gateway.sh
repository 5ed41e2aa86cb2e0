#!/bin/bash
# One round of the node gateway's loop: EIP is the logical router port's address, NODE this node's.
set -u
bfdd-control status > /dev/null || exit 3
if out="$(bfdd-control status remote "${EIP}" local "${NODE}" 2>&1)"; then
  if grep -q 'No session' <<< "${out}"; then
    bfdd-control allow "${EIP}"
  fi
fi
