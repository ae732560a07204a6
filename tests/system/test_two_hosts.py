"""Two sidecars on one index of a real Elasticsearch, each a host of its own.

ESSEQUENCE_TEST_IDS: how many ids are taken in all.
"""

import os
import unittest

import cluster
from instance import Instance, check_ids, eventually

IDS = int(os.environ.get("ESSEQUENCE_TEST_IDS", 10_000_000))
TIMED = 20_000_000  # above that many ids their times are not noted: they would fill the disk


class TwoHosts(unittest.TestCase):
    def test_four_takers_each_share_one_sequence(self):
        index = cluster.fresh_index(self)
        hosts = [Instance(self, cluster.url(), index).start() for _ in range(2)]
        options = {"times": True} if IDS <= TIMED else {}
        takers = [host.taker("orders", mode=mode, count=-(-IDS // 8), seconds=1800, timeout=20,
                             **options)
                  for host in hosts for mode in ("next", "next", "take", "mixed")]
        for taker in takers:
            taker.wait_faultless(1900)
        summary = check_ids(self, hosts)
        self.assertGreaterEqual(summary["ids"], IDS)
        self.assertEqual(set(summary["epochs"]), {"1"})
        self.assertEqual(summary["epochs"]["1"]["first"], 1)

        granted = ready = taken = 0
        for host in hosts:  # no block is under way any more
            eventually(self, lambda host=host: host.show("orders")["state"] == "ready")
        for host in hosts:
            about = host.assert_accounted("orders")
            self.assertEqual(sum(about["lost_total"].values()), 0, about)
            granted += about["granted_total"]
            ready += about["ready_ids"]
            taken += about["taken_total"]
        self.assertEqual(taken, summary["ids"])
        status, stored = cluster.document(index, "orders")
        self.assertEqual(status, 200)
        self.assertEqual(stored["iid"], granted)  # without a fault every id has one owner
        self.assertEqual(granted, taken + ready)
        print(f"{summary['ids']} ids on two hosts, {ready} ready, none lost")

    def test_the_document_holds_all_fields(self):
        index = cluster.fresh_index(self)
        host = Instance(self, cluster.url(), index).start()
        host.open("odd", start=11, increment=2, max=99)
        self.assertEqual(host.next("odd", 2), [11, 13])
        status, stored = cluster.document(index, "odd")
        self.assertEqual(status, 200)
        self.assertEqual(set(stored), {"name", "iid", "epoch", "origin", "floor", "fenced",
                                       "replaces", "start", "increment", "max", "order"})
        self.assertEqual({key: stored[key] for key in ("name", "epoch", "fenced", "start",
                                                       "increment", "max", "order")},
                         {"name": "odd", "epoch": 1, "fenced": False, "start": 11, "increment": 2,
                          "max": 99, "order": "host"})
        self.assertEqual(host.show("odd")["origin"], stored["origin"])
        # A block may come between the two looks.
        eventually(self, lambda: host.show("odd")["high_water"] ==
                   cluster.document(index, "odd")[1]["iid"])

    def test_a_sequence_starts_above_the_largest_value_of_a_field(self):
        index = cluster.fresh_index(self)
        orders = cluster.fresh_index(self)
        for number in (7, 9_007_199_254_740_993, 12):  # not a double
            cluster.request("POST", f"/{orders}/_doc?refresh=true", {"number": number})
        host = Instance(self, cluster.url(), index).start()
        host.open("invoices")  # so that the source is ready
        host.ctl("create", "orders", "--above-field", f"{orders}/number")
        self.assertEqual(host.next("orders", 2), [9_007_199_254_740_994, 9_007_199_254_740_995])
        host.ctl("create", "users", "--above-field", f"{orders}/typo", status=1)

    def test_ids_are_dense_over_restarts(self):
        host = Instance(self, cluster.url(), cluster.fresh_index(self)).start()
        self.assertEqual(host.next("orders", 3), [1, 2, 3])
        host.stop()
        host.start()
        self.assertEqual(host.next("orders", 30), list(range(4, 34)))
        host.kill()
        host.start()
        self.assertEqual(host.next("orders"), [34])

    def test_a_config_that_disagrees_is_reported_and_not_applied(self):
        index = cluster.fresh_index(self)
        here = Instance(self, cluster.url(), index).start()
        here.open("orders", start=1000)
        there = Instance(self, cluster.url(), index, {"sequence.orders": {"start": 5}}).start()
        self.assertGreaterEqual(there.next("orders")[0], 1000)
        self.assertEqual(there.show("orders")["start"], 1000)
        self.assertIn("start", there.log())


if __name__ == "__main__":
    unittest.main()
