"""A container with a systemd of its own, in which a test looks about as an operator would."""

import atexit
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import debian_root

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Container:
    def __init__(self, case):
        """Boots; gone with the class of tests `case`."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="essequence-container."))
        self.nspawn = None
        case.addClassCleanup(self.remove)
        atexit.register(self.remove)  # unittest skips the clean-up when it is interrupted
        self.root = self.directory / "root"
        debian_root.lay_out(self.root)
        self.log = self.directory / "boot.log"
        self.boot()

    def remove(self):
        atexit.unregister(self.remove)
        if self.nspawn is not None:
            self.shut_down()
        shutil.rmtree(self.directory, ignore_errors=True)

    def boot(self):
        with open(self.log, "wb") as log:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot", "--register=no",
                 "--keep-unit", "--private-network"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while not self.init() or self.run("systemctl is-active multi-user.target")[0] != 0:
            if time.monotonic() > deadline or self.nspawn.poll() is not None:
                raise RuntimeError(f"it does not boot: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def shut_down(self):
        self.nspawn.terminate()  # an orderly shutdown of what is inside
        try:
            self.nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()

    def reboot(self):
        self.shut_down()
        self.boot()

    def init(self):
        """The pid of its systemd, or None. nspawn's first child is another: it lives in this machine's
        namespace of processes, where the systemd that one would ask is this machine's."""
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children")
        found = children.read_text().split() if children.exists() else []
        for pid in found:
            with contextlib.suppress(OSError):  # it has just ended
                if os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid"):
                    return pid
        return None

    def run(self, command, timeout=60):
        """(exit status, what it said) of a command of root's shell."""
        ended = subprocess.run(
            ["nsenter", "--target", self.init(), "--all", "--root", "--wd", "env", "-i",
             f"PATH={PATH}", "DEBIAN_FRONTEND=noninteractive", "bash", "-c", command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=timeout)
        return ended.returncode, ended.stdout.strip()

    def tell(self, command, timeout=60):
        """What a command said that must succeed."""
        status, said = self.run(command, timeout)
        if status != 0:
            raise AssertionError(f"{command} ended with {status}: {said}")
        return said

    def put(self, file, directory):
        """A file of this machine, into a directory of the container's."""
        return shutil.copy(file, self.root / directory.lstrip("/"))

    def kill(self, number, pid):
        """A signal to a process of its, by its pid there."""
        self.tell(f"kill -{int(signal.Signals[number])} {pid}")
