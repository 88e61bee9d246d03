# shellcheck shell=sh
# Makes an account that nobody has a password for. Argument: its name.
set -eu
PATH=$PATH:/usr/sbin:/sbin
# Not `!`: a login by key to a locked account is refused where PAM is not used.
useradd --create-home --shell /bin/bash --password '*' -- "$1"
chmod 700 -- "$(getent passwd -- "$1" | cut -d: -f6)"
