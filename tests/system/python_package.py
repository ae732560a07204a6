"""The Python package as its users get it: the library installed, the package built by pip against it,
in a virtual environment. Everything lies in one temporary directory."""

import os
import pathlib
import subprocess
import sys

from instance import ROOT

TESTS = ROOT / "tests/python"


def run(*command, cwd=None, **environment):
    """What a command said that must succeed."""
    ended = subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=900, cwd=cwd,
                           env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment})
    if ended.returncode != 0:
        raise AssertionError(f"{command} ended with {ended.returncode}:\n{ended.stdout}")
    return ended.stdout


class VirtualEnvironment:
    def __init__(self, directory, python=sys.executable):
        run(python, "-m", "venv", directory)
        self.python = pathlib.Path(directory) / "bin/python"

    def pip(self, *arguments, **environment):
        return run(self.python, "-m", "pip", "--quiet", *arguments, **environment)

    def shell(self, command, directory, **environment):
        """A line as somebody types it who has activated the environment."""
        return run("bash", "-c", command, cwd=directory, **environment,
                   PATH=f"{self.python.parent}:{os.environ['PATH']}")

    def test(self, file, *patterns, **environment):
        """Runs tests/python/FILE.py there, or those of its tests whose names match."""
        chosen = [word for pattern in patterns for word in ("-k", pattern)]
        return run(self.python, "-m", "unittest", "discover", "-s", TESTS, "-p", f"{file}.py",
                   *chosen, **environment)
