#!/bin/sh
# Starts the beacon of a gateway pod; the same name and environment as in kube-ovn's image.
# The shell is replaced, so that the pod's SIGTERM reaches the beacon and it can say goodbye.
set -e
set --
for ip in $(echo "${POD_IPS:-::}" | tr ',' ' '); do
  set -- "$@" "--listen=${ip}"
done
exec bfdd-beacon --nofork --tee "$@"
