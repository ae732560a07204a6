#!/bin/bash
# Usage: systemd_verify.sh BUILD. Installs BUILD into a directory of its own and has systemd check the
# units, users and directories.
set -euo pipefail
build=$1
stage=$(mktemp -d)
mkdir "$stage/etc"
trap 'rm -rf "$stage"' EXIT
DESTDIR=$stage cmake --install "$build" >/dev/null
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$build/CMakeCache.txt")

status=0
for unit in essequenced.service essequenced@one.service; do
  file=$stage$prefix/lib/systemd/system/${unit/one/}
  # systemd looks for the program at the place where it will be.
  sed "s|=$prefix/bin|=$stage$prefix/bin|" "$file" >"$stage/$unit"
  said=$(systemd-analyze verify --man=no "$stage/$unit" 2>&1 | grep -F essequenced || true)
  if [ -n "$said" ]; then
    echo "not ok $unit: $said"
    status=1
  else
    echo "ok $unit"
  fi
done
systemd-sysusers --root="$stage" "$stage$prefix/lib/sysusers.d/essequence.conf"
for group in essequence essequence-admin; do
  grep -q "^$group:" "$stage/etc/group" || { echo "not ok group $group"; status=1; }
done
exit $status
