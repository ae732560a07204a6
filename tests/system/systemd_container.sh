#!/bin/bash
# Usage: systemd_container.sh BUILD. Boots a real systemd in a container, installs BUILD into it, and
# looks at the service as an operator would.
set -euo pipefail
build=$1
[ "$(id -u)" = 0 ] || { echo "it needs root for systemd-nspawn"; exit 77; }
for tool in debootstrap systemd-nspawn; do
  command -v $tool >/dev/null || { echo "$tool is missing"; exit 77; }
done

cache=${ESSEQUENCE_TEST_CACHE:-$HOME/.cache/essequence-tests}
base=$cache/bookworm-1
mkdir -p "$cache"
if [ ! -e "$base/complete" ]; then
  rm -rf "$base"
  # The mirror that this machine uses itself.
  mirror=$(sed -n 's/^\(deb\|URIs:\) *\(\[[^]]*\] *\)\?\(http[^ ]*\).*/\3/p' /etc/apt/sources.list \
    /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -n 1 || true)
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,libcpprest2.10,libspdlog1.10,libsqlite3-0,libsystemd0 \
    bookworm "$base" ${mirror:+"$mirror"} >"$cache/debootstrap.log" 2>&1 ||
    { tail -n 20 "$cache/debootstrap.log"; exit 1; }
  touch "$base/complete"
fi

root=$(mktemp -d)
container=
stop() {
  [ -z "$container" ] || { kill -TERM "$container" 2>/dev/null; wait "$container" 2>/dev/null; } || true
  umount -R "$root/run" 2>/dev/null || true
  rm -rf "$root"
}
trap stop EXIT
trap 'exit 1' INT TERM
cp -a "$base/." "$root"
DESTDIR=$root cmake --install "$build" >/dev/null
mkdir -p "$root/etc/essequence"
echo 'source = "local"' >"$root/etc/essequence/essequence.toml"
echo 'source = "local"' >"$root/etc/essequence/two.toml"
cat >>"$root/usr/local/lib/sysusers.d/essequence.conf" <<'EOF'
u member - "May take ids"
m member essequence
u stranger - "May not"
g essequence-two -
EOF
# The test's commands run inside as a service that reads them from a directory that is shared.
mkdir "$root/orders"
cat >"$root/orders/serve" <<'EOF'
#!/bin/bash
cd /orders
while :; do
  if [ -e go ]; then
    rm go
    bash ./command >output 2>&1 </dev/null
    echo $? >status.new
    mv status.new status
  fi
  sleep 0.05
done
EOF
cat >"$root/etc/systemd/system/orders.service" <<'EOF'
[Service]
ExecStart=/bin/bash /orders/serve
EOF
ln -s ../orders.service "$root/etc/systemd/system/multi-user.target.wants/orders.service" 2>/dev/null ||
  { mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -s ../orders.service "$root/etc/systemd/system/multi-user.target.wants/orders.service"; }
ldconfig -r "$root"
systemd-nspawn -q -D "$root" --boot --register=no --keep-unit --private-network \
  </dev/null >"$root.log" 2>&1 &
container=$!

output=
inside() { # runs its words in the container; output in $output
  printf '%s\n' "$*" >"$root/orders/command"
  touch "$root/orders/go"
  for _ in $(seq 1200); do
    if [ -e "$root/orders/status" ]; then
      output=$(cat "$root/orders/output")
      local status
      status=$(cat "$root/orders/status")
      rm "$root/orders/status"
      return "$status"
    fi
    kill -0 "$container" 2>/dev/null || { echo "the container ended:"; tail -n 20 "$root.log"; exit 1; }
    sleep 0.1
  done
  echo "no answer from the container to: $*"
  tail -n 20 "$root.log"
  exit 1
}

failed=0
expect() { # NAME COMMAND WANTED-STATUS WANTED-WORDS
  local status=0
  inside "$2" || status=$?
  if [ "$status" = "$3" ] && grep -qE -- "$4" <<<"$output"; then
    echo "ok $1"
  else
    echo "not ok $1: status $status (wanted $3), wanted /$4/, said:"
    sed 's/^/    /' <<<"$output"
    failed=1
  fi
}
as() { echo "runuser -u $1 -- $2"; }
next() { as member "essequencectl next orders -n ${1:-1} --timeout 10 | tr '\n' ' '"; }

expect "users are made" "systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload" 0 ''
expect "starts and is ready" "systemctl start essequenced && systemctl is-active essequenced" 0 '^active$'
expect "owner and modes" "cd /run/essequence && stat -c '%a %U:%G %n' . ring tickets control.sock | tr '\n' ' '" \
  0 '^750 essequence:essequence . 640 essequence:essequence ring 660 essequence:essequence tickets 660 essequence:essequence control.sock $'
expect "a member takes ids" "$(next 3)" 0 '^1 2 3 $'
expect "a stranger is refused" "$(as stranger 'essequencectl next orders')" 4 'ermission'
expect "a member may not reset" "$(as member 'essequencectl reset orders')" 4 'control.reset|essequence-admin|reset'
expect "a restart loses nothing" "systemctl restart essequenced; $(next)" 0 '^4 $'
expect "a kill -9 loses nothing" "systemctl kill -s KILL essequenced; $(next)" 0 '^5 $'
expect "it comes back by itself" "for i in \$(seq 100); do systemctl is-active essequenced && exit; sleep 0.1; done; exit 1" 0 'active'
expect "reload" "systemctl reload essequenced && sleep 0.5 && systemctl is-active essequenced" 0 '^active$'
expect "a stop keeps the ring" "systemctl stop essequenced && ls /run/essequence && $(next)" 0 '6 '
expect "a start after it loses nothing" "systemctl start essequenced && $(next)" 0 '^7 $'
expect "two instances do not see each other" \
  "systemctl start essequenced@two && essequencectl --runtime-dir /run/essequence-two next orders; $(next)" 0 '^1$'
expect "the log is in the journal" "journalctl -u essequenced --no-pager" 0 'adopted the ring'
expect "a broken configuration fails once, with words" \
  "echo 'souce = 1' >/etc/essequence/essequence.toml; systemctl restart essequenced; sleep 1; systemctl show -p NRestarts -p ExecMainStatus essequenced; journalctl -u essequenced --no-pager | tail -n 20" \
  0 'unknown key souce'
expect "and is not restarted" "systemctl show -p NRestarts -p ExecMainStatus -p ActiveState essequenced | tr '\n' ' '" 0 'ExecMainStatus=78.*ActiveState=failed|ActiveState=failed.*ExecMainStatus=78'
expect "switches off" "systemctl poweroff --no-block" 0 ''
rm -f "$root.log"
exit $failed
