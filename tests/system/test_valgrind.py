"""The client under valgrind: no error and no leak in anything that it does."""

import shutil
import unittest

from instance import Instance, check_ids

MEMCHECK = ("valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full",
            "--show-leak-kinds=all", "--errors-for-leak-kinds=all")


@unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
class Valgrind(unittest.TestCase):
    def test_create_takes_and_reset(self):
        host = Instance(self, config={"defaults": {"cover": "1s"}}).start()
        # Creates the sequence, takes in every way, resets, goes on, and closes.
        taker = host.taker("orders", "taker_in_c", MEMCHECK, threads=2, seconds=6, rate=500,
                           timeout=20, reset=True)
        self.assertGreater(taker.wait()["taken"], 0)
        self.assertGreater(len(check_ids(self, [host])["epochs"]), 1)

    def test_timeouts(self):
        host = Instance(self, config={"defaults": {"min_block": 50}}).start()
        host.next("orders")
        host.kill()
        taker = host.taker("orders", "taker_in_c", MEMCHECK, threads=2, seconds=4, timeout=0.01)
        summary = taker.wait()
        self.assertGreater(summary["taken"], 0, summary)
        self.assertGreater(summary["unavailable"], 0, summary)
        check_ids(self, [host])


if __name__ == "__main__":
    unittest.main()
