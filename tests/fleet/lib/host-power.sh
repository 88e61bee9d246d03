#!/usr/bin/env bash
# Stands beside a host and gives it power: starts it, and starts it again when it has rebooted by itself. One that ends in any
# other way stays off. A file `stays-down` in its directory keeps it off after a reboot, too.
set -euo pipefail

DIR=$FLEET_DIR
LIB=$(dirname -- "${BASH_SOURCE[0]}")
# shellcheck source=/dev/null
. "$LIB/common.sh"
# shellcheck source=/dev/null
. "$LIB/host.sh"

home=$DIR/$HOST
while :; do
    rm -f "$home/rebooting"
    # --kill-child: whatever ends `unshare` also ends the host; nothing can be orphaned.
    unshare --mount --uts --ipc --pid --fork --kill-child=KILL bash "$LIB/host-init.sh" || true
    [[ -e $home/rebooting && ! -e $home/stays-down ]] || exit 0
    poll 10 host_disk_released "$HOST" || die "$HOST: disk still in use"
    poll 10 host_cgroups_gone "${CGROUP#/}" || say "warning: $HOST: control groups left over"
    rm -f "$home/docker.sock" "$home/init.pid"
done
