#!/bin/bash
# Installs a build into a directory of its own and has systemd check the units, users and directories.
# Tells "ok NAME" or "not ok NAME: why"; exit status 0 if all are ok, 77 if it cannot run here.
#
#   tests/system/systemd_verify.sh BUILD
set -euo pipefail
build=${1:?"usage: $0 BUILD"}
for tool in systemd-analyze systemd-sysusers systemd-tmpfiles; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
DESTDIR=$stage cmake --install "$build" >/dev/null
mkdir -p "$stage/etc" "$stage/bin"
install -m 0755 /dev/null "$stage/bin/sh" # which the units use

failed=0
check() { # NAME COMMAND...: it must succeed, without a word
  local said
  if said=$("${@:2}" 2>&1) && [ -z "$said" ]; then
    echo "ok $1"
  else
    echo "not ok $1: $said"
    failed=1
  fi
}

made() { # what the users and directories are, once made
  systemd-sysusers --root="$stage" >/dev/null 2>&1 &&
    systemd-tmpfiles --root="$stage" --create --prefix=/run &&
    grep -q '^essequence-admin:' "$stage/etc/group" &&
    grep -q '^essequence:.*:/var/lib/essequence:' "$stage/etc/passwd" &&
    [ "$(stat -c %a "$stage/run/essequence")" = 750 ]
}

for unit in essequenced.service essequenced@one.service; do
  check "$unit" systemd-analyze verify --root="$stage" --recursive-errors=no --man=no "$unit"
done
check "users and directories" made

exit $failed
