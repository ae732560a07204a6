"""The Debian packages of the build under test: made once per run, and, for an upgrade, once more with
a higher version."""

import functools
import pathlib
import re
import shutil
import subprocess
import tempfile

from instance import BUILD, ROOT

NAMES = {"essequence", "libessequence1", "libessequence-dev", "python3-essequence"}


def run(*command):
    ended = subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE, cwd=ROOT,
                           stderr=subprocess.STDOUT, timeout=300)
    if ended.returncode != 0:
        raise AssertionError(f"{command} ended with {ended.returncode}: {ended.stdout}")
    return ended.stdout


@functools.cache
def packages():
    """The paths of the .deb files."""
    directory = BUILD / "packages"
    shutil.rmtree(directory, ignore_errors=True)
    run("cpack", "--preset", "release", "--config", BUILD / "CPackConfig.cmake", "-B", directory)
    return sorted(directory.glob("*.deb"))


def field(package, name):
    return run("dpkg-deb", "--field", package, name).strip()


def extracted(case, package):
    """A directory with the files of a package, gone with the test."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="essequence-package."))
    case.addCleanup(shutil.rmtree, directory)
    run("dpkg-deb", "--extract", package, directory)
    return directory


def next_version(directory):
    """The same packages, as a release later would be: a higher version, and another configuration.
    In `directory`."""
    made = []
    for package in packages():
        name, version = field(package, "Package"), field(package, "Version")
        tree = directory / name
        run("dpkg-deb", "--raw-extract", package, tree)
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(rf"\b{re.escape(version)}\b", f"{version}+later", control.read_text()))
        for conffile in tree.glob("etc/*/*"):
            conffile.write_text("# A later release.\n" + conffile.read_text())
            (tree / "DEBIAN/md5sums").write_text(
                "".join(line for line in (tree / "DEBIAN/md5sums").read_text().splitlines(True)
                        if not line.rstrip().endswith(str(conffile.relative_to(tree)))))
        made.append(directory / f"{name}.deb")
        run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, made[-1])
        shutil.rmtree(tree)
    return made
