# shellcheck shell=sh
# Lets the key that is read log in. Argument: the account. Done as the account itself: its home is not root's to trust.
set -eu
PATH=$PATH:/usr/sbin:/sbin
home=$(getent passwd -- "$1" | cut -d: -f6)
# shellcheck disable=SC2016  # expanded by the inner shell
exec setpriv --reuid="$1" --regid="$(id -g -- "$1")" --init-groups -- sh -c '
    set -eu
    umask 077
    cd -- "$1"
    mkdir -p .ssh
    chmod 700 .ssh
    keys=.ssh/authorized_keys
    new=$(mktemp .ssh/.shipctl.XXXXXX)
    trap "rm -f -- \"$new\"" EXIT
    if [ -e "$keys" ]; then
        cat -- "$keys" >"$new"
        # A last line without an end would run into ours.
        if [ -s "$new" ] && [ -n "$(tail -c 1 "$new")" ]; then echo >>"$new"; fi
    fi
    cat >>"$new"
    sync -- "$new"
    mv -f -- "$new" "$keys"
' sh "$home"
