# shellcheck shell=sh
# Installs packages, and has the engine run. Arguments: the packages.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
apt() { apt-get -q -o DPkg::Lock::Timeout=120 "$@" >&2; }
apt update
# The program that talks to the engine is a package of its own since Debian 13.
if apt-cache show docker-cli >/dev/null 2>&1; then set -- "$@" docker-cli; fi
apt install -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@"
if [ -d /run/systemd/system ]; then
    systemctl enable --now docker >&2
    exit
fi
# Installing it has started it, or else nobody has.
tries=0
until docker version >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -eq 20 ] && [ -x /etc/init.d/docker ]; then /etc/init.d/docker start >&2 || :; fi
    if [ "$tries" -ge 60 ]; then
        echo 'it is installed, and does not run' >&2
        exit 1
    fi
    sleep 0.5
done
