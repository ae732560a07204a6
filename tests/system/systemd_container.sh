#!/bin/bash
# Boots a real systemd in a container, installs a build into it, and looks at the service as an
# operator would. Tells "ok NAME" or "not ok NAME: why" for each check; exit status 0 if all are ok,
# 77 if it cannot run here.
#
#   tests/system/systemd_container.sh BUILD
#
# Environment: ESSEQUENCE_TEST_CACHE, where the operating system of the container is kept between
# runs (default ~/.cache/essequence-tests).
set -euo pipefail
build=${1:?"usage: $0 BUILD"}
cache=${ESSEQUENCE_TEST_CACHE:-$HOME/.cache/essequence-tests}
packages=systemd,systemd-sysv,dbus,libcpprest2.10,libspdlog1.10,libsqlite3-0,libssl3,libsystemd0

skip() { echo "$*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "booting a container needs root"
for tool in debootstrap nsenter pgrep systemd-nspawn; do
  command -v "$tool" >/dev/null || skip "$tool is not installed"
done

work=$(mktemp -d)
root=$work/root
nspawn=
clean_up() {
  trap '' INT TERM
  if [ -n "$nspawn" ]; then
    kill -TERM "$nspawn" 2>/dev/null || true # an orderly shutdown of what is inside
    for _ in {1..100}; do
      kill -0 "$nspawn" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$nspawn" 2>/dev/null || true
    wait "$nspawn" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the operating system: that of this machine, whose libraries the build is linked to ----

suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ "$suite" = bookworm ] || skip "this is made for Debian 12, and this machine has ${suite:-another}"
base=$cache/$suite-$(sha256sum <<<"$packages" | cut -c 1-8)
if [ ! -d "$base" ]; then
  # The mirror that this machine itself uses.
  mirror=$(apt-get indextargets --format '$(SITE)' "Codename: $suite" | sed -n 1p)
  mkdir -p "$cache"
  timeout 900 debootstrap --variant=minbase --include="$packages" "$suite" "$work/new" \
    ${mirror:+"$mirror"} >"$work/debootstrap.log" 2>&1 ||
    { tail -n 20 "$work/debootstrap.log"; echo "not ok debootstrap"; exit 1; }
  rm -rf "$base.new"
  mv "$work/new" "$base.new"
  mv "$base.new" "$base"
fi
cp -a "$base" "$root"
DESTDIR=$root cmake --install "$build" >/dev/null
ldconfig -r "$root"

mkdir -p "$root/etc/essequence" "$root/etc/sysusers.d"
mv "$(find "$root" -path '*/essequence/essequence.toml')" "$root/packaged.toml"
for name in essequence two; do echo 'source = "local"' >"$root/etc/essequence/$name.toml"; done
cat >"$root/etc/sysusers.d/test.conf" <<'END'
u member - "in the group of the service"
m member essequence
u stranger - "in no group of it"
g essequence-two -
END

# ---- booting, and asking inside ----

systemd-nspawn --quiet --directory="$root" --boot --register=no --keep-unit --private-network \
  </dev/null >"$work/boot.log" 2>&1 &
nspawn=$!

output=
inside() { # COMMAND: its exit status; what it said is in $output
  local init
  init=$(pgrep -P "$nspawn" | head -n 1) || true
  if [ -z "$init" ]; then
    output="the container is not running: $(tail -n 20 "$work/boot.log")"
    return 125
  fi
  output=$(timeout --kill-after=5 60 nsenter --target "$init" --all --root --wd \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash -c "$1" </dev/null 2>&1)
}

failed=0
check() { # NAME COMMAND STATUS WORDS: the status it must end with, and a pattern of what it must say
  local status=0
  inside "$2" || status=$?
  if [ "$status" = "$3" ] && grep -qE -- "$4" <<<"$output"; then
    echo "ok $1"
  else
    echo "not ok $1: status $status (not $3), or it did not say /$4/ but:"
    sed 's/^/    /' <<<"$output"
    failed=1
  fi
}

as() { echo "runuser -u $1 -- $2"; }
next() { as member "essequencectl next ${2:-orders} -n ${1:-1} --timeout 10 | paste -sd ' '"; }
until_true() { echo "(for i in {1..100}; do $1 && exit; sleep 0.1; done; exit 1)"; }

booted=
for _ in {1..300}; do
  ! inside "systemctl is-active multi-user.target" || { booted=yes; break; }
  kill -0 "$nspawn" 2>/dev/null || break
  sleep 0.2
done
[ -n "$booted" ] || { echo "not ok boot: $output"; tail -n 20 "$work/boot.log"; exit 1; }

# What a package's scripts would do.
check "users and directories are made" \
  "systemd-sysusers && systemd-tmpfiles --create && stat -c '%a %U:%G' /run/essequence" \
  0 '^750 essequence:essequence$'
check "the packaged configuration is accepted" \
  "essequenced --check-config --config /packaged.toml" 0 ''
check "it can be enabled" "systemctl enable essequenced && systemctl is-enabled essequenced" \
  0 '^enabled$'
check "it starts and is ready" "systemctl start essequenced && systemctl is-active essequenced" \
  0 '^active$'
check "it is ready with the control socket there" "$(as member 'essequencectl status')" 0 'local'
check "its files have their owner and modes" \
  "cd /run/essequence && stat -c '%a %U:%G %n' . ring tickets control.sock | paste -sd ' '" 0 \
  '^750 essequence:essequence \. 640 essequence:essequence ring 660 essequence:essequence tickets 660 essequence:essequence control.sock$'
check "its state is its own" "stat -c '%a %U:%G' /var/lib/essequence" \
  0 '^750 essequence:essequence$'
check "a member of the group takes ids" "$(next 3)" 0 '^1 2 3$'
check "a stranger is refused, in words" "$(as stranger 'essequencectl next orders')" \
  4 'ermission|permitted'
check "a member may not reset" "$(as member 'essequencectl reset orders')" 4 'reset'
check "a restart loses nothing" "systemctl restart essequenced && $(next)" 0 '^4$'
check "kill -9 loses nothing" "systemctl kill -s KILL essequenced && $(next 30)" 0 '^5 6 .* 34$'
check "it is started again by itself" \
  "$(until_true 'systemctl show -p NRestarts -p ActiveState essequenced | paste -sd " " | grep -w "active NRestarts=1\|NRestarts=1 ActiveState=active"')" \
  0 ''
check "a reload takes hold" \
  "printf '[control]\nreset = \"group\"\n' >>/etc/essequence/essequence.toml
   $(next 5 other) && systemctl reload essequenced && $(until_true "$(as member 'essequencectl reset other')")" \
  0 '1 2 3 4 5'
check "it went on during the reload" "systemctl is-active essequenced && $(next)" 0 '^35$'
check "a stop keeps the ring, and ids are taken from it" \
  "systemctl stop essequenced && ls /run/essequence && $(next)" 0 '^36$'
check "a start after it loses nothing" "systemctl start essequenced && $(next)" 0 '^37$'
check "an instance has its own ids and group" \
  "systemctl start essequenced@two &&
   essequencectl --runtime-dir /run/essequence-two next orders &&
   stat -c '%a %U:%G' /run/essequence-two/ring | paste -sd ' '" 0 '^640 essequence:essequence-two$'
check "an instance refuses members of the other group" \
  "$(as member 'essequencectl --runtime-dir /run/essequence-two next orders')" 4 'ermission|permitted'
check "the log is in the journal" "journalctl -u essequenced --no-pager" 0 'adopted the ring'
check "a reload of a broken configuration changes nothing" \
  "echo 'souce = 1' >/etc/essequence/essequence.toml && systemctl reload essequenced &&
   $(until_true "journalctl -u essequenced --no-pager | grep 'unknown key souce'") && $(next)" \
  0 '^38$'
check "a start with it fails, with words" \
  "! systemctl restart essequenced && journalctl -u essequenced --no-pager | tail -n 5" \
  0 'essequence.toml:1: unknown key souce'
check "it fails with 78, once" \
  "sleep 2; systemctl show -p ExecMainStatus -p ActiveState -p NRestarts essequenced | sort | paste -sd ' '" \
  0 '^ActiveState=failed ExecMainStatus=78 NRestarts=0$'

exit $failed
