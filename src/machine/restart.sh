# shellcheck shell=sh
# Restarts the engine, or starts it. Where containers run and would end with it, nothing is done.
set -eu
PATH=$PATH:/usr/sbin:/sbin
if systemctl is-active --quiet docker; then
    # What it was just told to read again counts a moment later.
    tries=0
    until state=$(docker info --format '{{.LiveRestoreEnabled}} {{.ContainersRunning}}') &&
        case $state in true\ * | *\ 0) true ;; *) false ;; esac; do
        tries=$((tries + 1))
        if [ "$tries" -ge 20 ]; then
            echo "it is not restarted, as containers would end with it (live-restore and how many run: ${state:-not known})" >&2
            exit 1
        fi
        sleep 0.5
    done
fi
systemctl restart docker
