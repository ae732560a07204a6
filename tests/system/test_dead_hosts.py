"""One of the configured hosts is dead: nobody listens there, or somebody accepts and never answers.
No take waits for it, neither when it dies nor later: that is what the ring is for.
"""

import os
import socket
import unittest

import cluster
from elasticsearch_node import free_port
from instance import Instance, check_ids

COVER = 4  # seconds; a block is half of it


class DeadHosts(unittest.TestCase):
    def setUp(self):
        if os.environ.get("ESSEQUENCE_TEST_FULL") != "1":
            self.skipTest("takes half a minute: only in tests/run --full")

    def take_beside(self, dead):
        index = cluster.fresh_index(self)
        config = {"defaults": {"cover": f"{COVER}s"},
                  "elasticsearch": {"hosts": [dead, cluster.url()]}}
        host = Instance(self, cluster.url(), index, config).start()
        host.next("orders", timeout=30)  # the first costs a request_timeout or two
        # For so long that its back-off is over now and then, and it is asked again.
        takers = [host.taker("orders", mode=mode, rate=1_000, seconds=12, timeout=60, times=True)
                  for mode in ("next", "take")]
        summaries = [taker.wait_faultless() for taker in takers]
        check_ids(self, [host])
        about = host.assert_accounted("orders")
        longest = max(summary["longest_gap"] for summary in summaries)
        self.assertLess(longest, COVER)
        print(f"longest stall {longest:.2f} s, {about['lost_total']['unknown_reply']} ids "
              "in unknown replies")
        return about

    def test_one_where_nobody_listens(self):
        about = self.take_beside(f"http://127.0.0.1:{free_port()}")
        self.assertEqual(about["lost_total"]["unknown_reply"], 0)  # it certainly got nothing

    def test_one_that_accepts_and_never_answers(self):
        with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:  # the kernel accepts
            about = self.take_beside(f"http://127.0.0.1:{silent.getsockname()[1]}")
        self.assertGreater(about["granted_total"], 0)


if __name__ == "__main__":
    unittest.main()
