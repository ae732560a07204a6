"""A disk of 1 MiB that a test fills. Takes root."""

import atexit
import contextlib
import subprocess

import cluster
from instance import Instance, eventually


def host_with_a_full_journal(case):
    """(a host whose sidecar just found no room for its journal, the disk)"""
    # Where blocks come from elsewhere: the local store would be full too, and is asked first.
    host = Instance(case, cluster.url(), cluster.fresh_index(case))
    disk = SmallDisk(case, host.state_dir)
    host.start()
    host.open("orders")
    disk.fill()
    host.ctl("next", "orders", "-n", 1_000_000, "--timeout", 0.5, status=5)
    eventually(case, lambda: not host.expect(200, "GET", "/v1/status")["journal"]["healthy"])
    return host, disk


class SmallDisk:
    def __init__(self, case, directory):
        self.directory, self.filler = directory, directory / "filler"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0750", "none", directory],
                       check=True)
        case.addCleanup(self.remove)
        atexit.register(self.remove)  # unittest skips the clean-up when it is interrupted

    def remove(self):
        atexit.unregister(self.remove)
        subprocess.run(["umount", "--lazy", self.directory], check=True)

    def fill(self):
        with contextlib.suppress(OSError), open(self.filler, "wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)

    def free(self):
        self.filler.unlink()
