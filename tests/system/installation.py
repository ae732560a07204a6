"""What `cmake --install` lays out, in a directory that is gone with the tests that use it."""

import pathlib
import subprocess
import tempfile

from instance import BUILD


def installed(cls):
    """The prefix; what lies beside it is gone with the class of tests too."""
    directory = tempfile.TemporaryDirectory(prefix="essequence-installed.")
    cls.addClassCleanup(directory.cleanup)
    prefix = pathlib.Path(directory.name) / "prefix"
    subprocess.run(["cmake", "--install", str(BUILD), "--prefix", str(prefix)], check=True,
                   stdout=subprocess.DEVNULL)
    return prefix


def library_in(prefix):
    return next(prefix.glob("lib*/**/libessequence.so.1"))
