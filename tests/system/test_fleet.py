"""Many sidecars on one sequence, simulated in one process on the real node (tests/bench/fleet.cpp)."""

import re
import subprocess
import unittest

import cluster
from instance import program

HOSTS = 20


class Fleet(unittest.TestCase):
    def test_sidecars_that_start_together_are_granted_different_ids(self):
        ended = subprocess.run(
            [program("fleet"), "--elasticsearch", cluster.url(), "--hosts", str(HOSTS),
             "--rate", "100", "--cold", "4", "--steady", "4"],
            capture_output=True, text=True, timeout=300)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)  # also if ids repeat
        found = re.search(r"(\d+) blocks, (\d+) ids, none granted twice", ended.stdout)
        self.assertTrue(found, ended.stdout)
        self.assertGreaterEqual(int(found[1]), HOSTS, ended.stdout)


if __name__ == "__main__":
    unittest.main()
