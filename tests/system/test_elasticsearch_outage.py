"""Elasticsearch stops under load and comes back: takes go on from the ring, wait, and go on."""

import os
import time
import unittest

import cluster
from instance import Instance, check_ids, eventually


class ElasticsearchOutage(unittest.TestCase):
    def setUp(self):
        self.node = cluster.node()
        if self.node is None:
            self.skipTest("ESSEQUENCE_TEST_ELASTICSEARCH is not ours to stop")
        self.addCleanup(self.ensure_started)

    def ensure_started(self):
        if self.node.pid is None:
            self.node.start()

    def outage(self, end):
        host = Instance(self, cluster.url(), cluster.fresh_index(self),
                        {"defaults": {"cover": "4s"}}).start()
        host.next("orders")
        takers = [host.taker("orders", mode=mode, seconds=600, count=150_000, rate=5_000,
                             timeout=0.5, times=True) for mode in ("next", "next", "take", "mixed")]
        eventually(self, lambda: host.show("orders")["taken_total"] > 60_000)
        end()
        before = host.show("orders")["taken_total"]
        eventually(self, lambda: host.show("orders")["taken_total"] > before)  # from the ring
        eventually(self, lambda: not host.source()["healthy"])
        self.assertTrue(host.source()["detail"])
        eventually(self, lambda: host.show("orders")["ready_ids"] == 0)
        self.assertEqual(host.show("orders")["state"], "starved")
        host.expect(503, "GET", "/healthz")
        time.sleep(2)  # the takers wait, and are told so
        self.assertTrue(host.alive())
        self.node.start()
        eventually(self, lambda: host.source()["healthy"], 60)
        summaries = [taker.wait() for taker in takers]
        for summary in summaries:
            self.assertGreater(summary["unavailable"], 0, summary)
            self.assertEqual(summary["errors"], 0, summary)
        found = check_ids(self, [host])["epochs"]["1"]
        about = host.assert_accounted("orders")
        self.assertEqual(about["taken_total"], 1 + found["ids"] + about["dropped_by_clients"])
        # What no taker got was in a lost reply, or claimed by a take that reached its deadline.
        self.assertLessEqual(found["missing"],
                             about["lost_total"]["unknown_reply"] + about["dropped_by_clients"])

    def test_stopped_and_started(self):
        if os.environ.get("ESSEQUENCE_TEST_FULL") != "1":
            self.skipTest("as when it is killed, but slower: only in tests/run --full")
        self.outage(self.node.stop)

    def test_killed_and_started(self):
        self.outage(self.node.kill)

    def test_a_sidecar_starts_without_it(self):
        host = Instance(self, cluster.url(), cluster.fresh_index(self)).start()
        host.next("orders", 2)
        host.stop()
        self.node.stop()
        host.start()
        self.assertEqual(host.next("orders"), [3])  # from the ring, which it adopted
        eventually(self, lambda: host.source()["detail"])
        self.assertFalse(host.source()["healthy"])
        host.ctl("next", "new", "--timeout", 1, status=5)
        self.node.start()
        self.assertEqual(host.next("new", timeout=60), [1])


if __name__ == "__main__":
    unittest.main()
