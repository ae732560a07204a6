"""What the tests of the Python package share: a sidecar of each test's own, which the package finds
through its environment. They run on any Python that has the package and nothing else of ours:

    PYTHON -m unittest discover -s tests/python [-k PATTERN]
"""

import contextlib
import os
import pathlib
import signal
import sys
import unittest

import essequence

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
import cluster  # noqa: E402, F401: for the tests
from instance import Instance, eventually  # noqa: E402, F401


class OnASidecar(unittest.TestCase):
    config = None

    def setUp(self):
        self.host = self.sidecar()

    def sidecar(self, *arguments):
        host = Instance(self, *arguments, config=self.config).start()
        self.in_environment("ESSEQUENCE_RUNTIME_DIR", str(host.runtime_dir))
        return host

    def in_environment(self, name, value):
        before = os.environ.get(name)
        os.environ[name] = value
        if before is None:
            self.addCleanup(os.environ.pop, name)
        else:
            self.addCleanup(os.environ.__setitem__, name, before)

    def run_dry(self, sequence):
        """Stops the sidecar, and takes what is ready. Returns what lets the sidecar go on, and how
        many ids were taken."""
        sequence.open(timeout=60)
        frozen, taken = Frozen(self.host.process), 0
        self.addCleanup(frozen.thaw)
        with contextlib.suppress(essequence.Timeout, essequence.Unavailable):
            while True:
                taken += len(sequence.take(1000, timeout=0))
        return frozen, taken


class Frozen:
    def __init__(self, process):
        self.process = process
        process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
