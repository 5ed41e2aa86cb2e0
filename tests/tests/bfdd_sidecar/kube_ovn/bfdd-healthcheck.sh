#!/usr/bin/env bash
# The liveness probe: a table without a session fails it.
set -euo pipefail
status="$(bfdd-control status)"
if grep -q '^There are 0 sessions:' <<< "${status}"; then
  exit 1
fi
