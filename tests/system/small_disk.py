"""A disk of 1 MiB that a test fills. Takes root."""

import atexit
import contextlib
import subprocess


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
