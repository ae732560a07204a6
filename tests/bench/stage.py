"""Where the benchmarks play: programs that are built, a ring that is always full, a sidecar on a
real Elasticsearch with slow replies, and what the programs say of them."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/system"))
from elasticsearch_node import ElasticsearchNode  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from instance import BUILD, program  # noqa: E402

BUILD_PRESET = "release"


def install(*lists):
    """The Debian packages in these files."""
    packages = [line for path in lists for line in path.read_text().splitlines()
                if line and not line.startswith("#")]
    subprocess.run([ROOT / "tests/system/install_missing.sh", *packages], check=True)


def build(*targets):
    if BUILD != (ROOT / "build" / BUILD_PRESET).resolve():
        return  # somebody else's build tree, which is built
    for command in (["cmake", "--preset", BUILD_PRESET],
                    ["cmake", "--build", "--preset", BUILD_PRESET, "--target", *targets]):
        ended = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        if ended.returncode != 0:
            sys.exit(ended.stdout)


def lines(name, *arguments, **options):
    """The JSON that a benchmark prints, one value a line, as it comes."""
    with subprocess.Popen([program(name), *map(str, arguments)], stdout=subprocess.PIPE,
                          text=True, **options) as process:
        try:
            for line in process.stdout:
                yield json.loads(line)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise RuntimeError(f"{name} {arguments}: exit status {process.returncode}")


class Stage(unittest.TestCase):
    """Holds what the modules of the system tests register for clean-up; not a test itself."""

    def __enter__(self):
        # As an exception, so that what was started is ended too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, *_):
        self.doCleanups()

    def directory(self, where):
        return pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix="essequence-bench.", dir=where)))

    def full_ring(self):
        """The directory of a ring whose sequence "full" nobody empties."""
        directory = self.directory("/dev/shm")
        subprocess.run([program("full_ring"), directory, "full"], check=True)
        return directory

    def elasticsearch(self):
        node = ElasticsearchNode(tempfile.mkdtemp(prefix="essequence-node."))
        self.addCleanup(node.remove)
        node.start()
        return node


class SlowProxy(FaultProxy):
    """Each reply comes so many seconds later."""

    def __init__(self, case, url, seconds):
        super().__init__(case, url)
        self.seconds = seconds

    def _next_fault(self, request):
        return self.late

    def late(self, exchange):
        reply = exchange.pass_on()
        time.sleep(self.seconds)
        return exchange.send(reply.encode())

