"""A Python without the interpreter's lock. Debian 12 has none: it is made from the source that Debian 13
has, and kept.

Environment: ESSEQUENCE_TEST_FREE_THREADED names one that is there.
"""

import hashlib
import os
import pathlib
import shutil
import tempfile

import debian_root
import distribution
from python_package import run

VERSION = "3.13.5"
SOURCE = f"pool/main/p/python3.13/python3.13_{VERSION}.orig.tar.xz"
SHA256 = "93e583f243454e6e9e4588ca2c2662206ad961659863277afcdb96801647d640"


def python():
    there = filter(None, map(shutil.which, ("python3.14t", "python3.13t")))
    named = os.environ.get("ESSEQUENCE_TEST_FREE_THREADED") or next(there, None)
    return named or made() / "bin/python3.13t"


def made():
    home = distribution.cache_directory() / f"python-{VERSION}t"
    if not home.exists():
        with tempfile.TemporaryDirectory(dir=home.parent) as directory:
            build(home, pathlib.Path(directory))
    return home


def build(home, directory):
    archive = directory / "source.tar.xz"
    mirror = next(iter(debian_root.mirror()), None)
    if mirror is None:
        raise RuntimeError(f"apt knows no mirror of {debian_root.SUITE}, where Debian 13's lie too")
    run("curl", "--fail", "--silent", "--show-error", "--location", "--output", archive,
        f"{mirror.rstrip('/')}/{SOURCE}")
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        raise RuntimeError(f"{SOURCE} of {mirror} is another one than expected")
    run("tar", "--extract", "--strip-components=1", "--file", archive, cwd=directory)
    run("./configure", "--disable-gil", "--disable-test-modules", f"--prefix={home}", cwd=directory)
    run("make", f"-j{os.cpu_count()}", cwd=directory)
    run("make", "install", f"DESTDIR={directory}/installed", cwd=directory)
    try:
        pathlib.Path(f"{directory}/installed{home}").rename(home)
    except OSError:
        if not home.exists():  # made by another run meanwhile
            raise
