# shellcheck shell=sh
# Puts an account into a group, which is made where there is none. Arguments: account, group.
set -eu
PATH=$PATH:/usr/sbin:/sbin
getent group -- "$2" >/dev/null || groupadd --system -- "$2"
usermod --append --groups "$2" -- "$1"
