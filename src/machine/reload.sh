# shellcheck shell=sh
# Has the engine read its settings again. Argument: `enough`, if that is all that it takes; then it is written down for as long
# as the host is up, as by their age alone they are newer than the engine that uses them.
set -eu
if [ -d /run/systemd/system ] && systemctl is-active --quiet docker; then
    systemctl reload docker
else
    kill -HUP "$(cat /run/docker.pid)"
fi
if [ "${1:-}" = enough ]; then sha256sum </etc/docker/daemon.json >/run/shipctl-settings; fi
