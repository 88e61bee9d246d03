#!/usr/bin/env bash
# Stands on every host in place of systemctl, reboot, shutdown and sudo, so that none of them reaches the machine: what asks for a
# reboot is told to the host's own pid 1.
set -euo pipefail

name=${0##*/}
if [[ $name == sudo ]]; then
    [[ ${1:-} == -n ]] || { echo 'sudo: a terminal is required' >&2; exit 1; }
    name=$2
    shift 2
elif ((EUID != 0)); then
    echo "$name: access denied" >&2
    exit 1
fi
case "$name $*" in
    'systemctl reboot' | 'reboot ' | 'shutdown -r now') echo reboot >/run/power ;;
    *) echo "$name: not on a host of a fleet" >&2; exit 1 ;;
esac
