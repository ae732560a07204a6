"""The operating system of a container: Debian 12. With a systemd, it has what our packages depend on too.

It is kept between runs, where the servers are (see distribution.py).
"""

import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

import distribution

SUITE = "bookworm"
WITH_SYSTEMD = ("systemd,systemd-sysv,dbus,bubblewrap,ca-certificates,python3,"
                "libcpprest2.10,libspdlog1.10,libsqlite3-0,libssl3,libsystemd0")


def why_not_here():
    """Why none can be made here; empty if it can."""
    if os.geteuid() != 0:
        return "a container with a systemd of its own needs root"
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "something else")
    if release != SUITE:  # whose libraries the packages are linked to
        return f"this is made for Debian 12, and this machine has {release}"
    missing = [tool for tool in ("debootstrap", "nsenter", "systemd-nspawn") if not shutil.which(tool)]
    return f"{', '.join(missing)} not installed" if missing else ""


def mirror():
    """The one that this machine itself uses."""
    told = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)", f"Codename: {SUITE}"],
                          capture_output=True, text=True, check=True).stdout.split()
    return told[:1]


def lay_out(directory, packages=WITH_SYSTEMD):
    """Makes `directory`, with a copy of its own. `packages`: beside the least that there is, with commas
    between."""
    cache = distribution.cache_directory()
    base = cache / f"{SUITE}-{hashlib.sha256(packages.encode()).hexdigest()[:8]}"
    if not base.exists():
        new = pathlib.Path(tempfile.mkdtemp(prefix="new.", dir=cache))
        try:
            include = [f"--include={packages}"] if packages else []
            # In its own namespace, where what it mounts is gone with it, however it ends.
            made = subprocess.run(["unshare", "--mount", "debootstrap", "--variant=minbase", *include,
                                   SUITE, new / "root", *mirror()], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
            if made.returncode != 0:
                raise RuntimeError(f"debootstrap: {made.stdout[-2000:]}")
            try:
                (new / "root").rename(base)
            except OSError:
                if not base.exists():  # made by another run meanwhile
                    raise
        finally:
            shutil.rmtree(new)
    subprocess.run(["cp", "-a", base, directory], check=True)
