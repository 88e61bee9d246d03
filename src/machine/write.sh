# shellcheck shell=sh
# Writes what it reads to a file, whole or not at all.
# Arguments: the file, and what it has to hold before, by SHA-256; `any` for whatever it holds, `none` for no file.
set -eu
file=$1 before=$2
if [ -L "$file" ]; then file=$(readlink -f -- "$file"); fi
directory=$(dirname -- "$file")
mkdir -p -- "$directory"
now=none
if [ -e "$file" ]; then now=$(sha256sum <"$file" | cut -d' ' -f1); fi
if [ "$before" != any ] && [ "$before" != "$now" ]; then
    echo "$file was changed by somebody else meanwhile" >&2
    exit 1
fi
new=$(mktemp -- "$directory/.shipctl.XXXXXX")
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$new"
chmod 644 -- "$new"
if [ -e "$file" ]; then
    chmod --reference="$file" -- "$new"
    chown --reference="$file" -- "$new"
fi
sync -- "$new"
mv -f -- "$new" "$file"
