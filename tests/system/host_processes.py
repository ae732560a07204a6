"""What the kernel tells of a process, and clients that have many sequences open."""

import json
import pathlib
import re
import subprocess

from instance import program


def cpu_seconds(pid):
    """Time on a processor, of all its threads that live."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def threads_of(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def memory_of(pid):
    """Resident KiB: in all, and of these its own, mapped files, and shared memory (the ring)."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {words: int(re.search(rf"^{key}:\s+(\d+) kB", status, re.MULTILINE)[1])
            for key, words in (("VmRSS", "resident"), ("RssAnon", "of these its own"),
                               ("RssFile", "of these files"), ("RssShmem", "of these the ring"))}


class Client:
    """A process of the program many_sequences; its commands are explained there."""

    def __init__(self, instance):
        instance.case.addCleanup(self.end)
        self.process = subprocess.Popen([program("many_sequences"), str(instance.runtime_dir)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, *command):
        self.process.stdin.write(" ".join(map(str, command)) + "\n")
        self.process.stdin.flush()

    def reply(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, *command):
        self.tell(*command)
        return self.reply()

    def end(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


def shares(count, parts):
    """range(count) in `parts` of about the same size: (first, end) of each."""
    edges = [count * i // parts for i in range(parts + 1)]
    return list(zip(edges, edges[1:]))
