"""What the hardware says of a take: the instructions that it is compiled to, how many of them it
executes, and that it never calls the kernel."""

import platform
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import machine_code
from instance import Instance, program

IDS = 1_000_000

# Instructions of a take by next(), executed; with the call of the function and the caller's loop.
MOST_EXECUTED = 28
# Branches on the way: whether the window knows the ticket, and whatever else may be wrong with it.
MOST_BRANCHES = 1


def executed_per_take(directory, way):
    """Instructions, as valgrind counts them. A machine that is slow or busy counts the same."""
    def executed(ids):
        ended = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
             program("fast_path"), directory, "full", way, str(ids)],
            check=True, capture_output=True, text=True)
        return int(re.search(r"Collected : (\d+)", ended.stderr)[1])
    few, many = 1000, 101_000
    return (executed(many) - executed(few)) / (many - few)


@unittest.skipUnless(platform.machine() == "x86_64", "the assembly is that of x86-64")
class Assembly(unittest.TestCase):
    def test_next_is_one_locked_instruction_and_no_call(self):
        code = machine_code.disassembled(program("fast_path"), "take_next")
        self.assertTrue(code, "take_next is not there")
        way = machine_code.shortest_way(code)
        self.assertIsNotNone(way, code)
        listing = "\n".join(f"{one.address:x} {one.text}" for one in way)
        for part in (way, code):  # nor does the slow path claim here: the library does
            locked = [one.text for one in part if re.match(r"lock\b", one.text)]
            self.assertEqual(len(locked), 1, listing)
            self.assertRegex(locked[0], r"^lock xadd ", listing)
        for one in way:  # an exchange with memory locks by itself, fences drain
            self.assertNotRegex(one.text, r"^(xchg .*\(|[ms]fence|lfence|syscall|div|idiv)", listing)
        branches = [one for one in way if machine_code.is_branch(one)]
        self.assertLessEqual(len(branches), MOST_BRANCHES, listing)


class FullRing(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="essequence-test.", dir="/dev/shm")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        subprocess.run([program("full_ring"), self.directory, "full"], check=True)

    def sealed(self, directory, sequence, way, ids=IDS):
        ended = subprocess.run(
            [program("fast_path"), str(directory), sequence, way, str(ids), "sealed"],
            capture_output=True, text=True, timeout=120)
        if ended.returncode == 77:
            self.skipTest(f"no system call filter here: {ended.stderr.strip()}")
        return ended.returncode, ended.stderr

    @unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
    def test_instructions_of_a_take(self):
        self.assertLessEqual(executed_per_take(self.directory, "next"), MOST_EXECUTED)

    def test_a_million_takes_make_no_system_call(self):
        for way in ("next", "c", "lease", "take"):
            with self.subTest(way):
                self.assertEqual(self.sealed(self.directory, "full", way), (0, ""))
        # And it would be noticed.
        self.assertEqual(self.sealed(self.directory, "full", "kernel", 1)[0], -signal.SIGSYS)

    def test_nor_do_they_beside_a_sidecar_while_a_block_lasts(self):
        largest = 16_777_216
        host = Instance(self, config={"defaults": {"min_block": largest}}).start()
        host.next("orders")
        for way in ("next", "c"):
            with self.subTest(way):
                self.assertEqual(self.sealed(host.runtime_dir, "orders", way), (0, ""))


if __name__ == "__main__":
    unittest.main()
