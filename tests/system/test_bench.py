"""essequencectl bench: what it prints adds up, and agrees with what the ring says."""

import json
import os
import unittest

from instance import Instance

IDS = 500_000


class Bench(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self, config={"defaults": {"min_block": 1_000_000}}).start()
        self.host.next("orders")

    def test_json_adds_up_and_the_ids_are_gone(self):
        before = self.host.show("orders")
        result = json.loads(self.host.ctl("--json", "bench", "orders", "--ids", IDS))
        after = self.host.show("orders")
        used = result["ids_used"]
        self.assertEqual(after["taken_total"] - before["taken_total"], used)
        self.assertEqual(after["next_id"] - before["next_id"], used)
        self.assertEqual(sum(row["ids_used"] for row in result["rows"]), used)
        self.assertLessEqual(used, IDS)
        self.assertGreater(used, IDS // 2)
        self.assertEqual(sum(row["stalls"] for row in result["rows"]),
                         after["stalls_total"] - before["stalls_total"])

        cores = len(os.sched_getaffinity(0))
        self.assertEqual(result["cores"], cores)
        shapes = [(row["kind"], row["takers"]) for row in result["rows"]]
        for kind in ("processes", "threads"):
            for takers in (1, cores, 2 * cores):
                self.assertIn((kind, takers), shapes)
        self.assertEqual(len(shapes), len(set(shapes)))
        for row in result["rows"]:
            with self.subTest(row=row):
                self.assertGreater(row["ns_per_take"], 0)
                self.assertGreater(row["bare_ns_per_take"], 0)
                self.assertGreater(row["ids_per_second"], 0)
                for latency in (row["latency_ns"], row["bare_latency_ns"]):
                    shares = [latency[share] for share in ("p50", "p99", "p99_9", "max")]
                    self.assertEqual(shares, sorted(shares))

    def test_table(self):
        told = self.host.ctl("bench", "orders", "--ids", 100_000)
        lines = told.splitlines()
        self.assertRegex(lines[0], r"^TAKERS +NS/TAKE +BARE +RATIO")
        self.assertRegex(lines[1], r"^1 process +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d ")
        self.assertRegex(told, r"\d+ ids of 'orders' were used up")

    def test_refusals(self):
        self.host.ctl("bench", "unknown", status=1)
        self.host.ctl("bench", "orders", "--ids", 10, status=2)
        self.host.open("invoices", order="cluster")
        self.host.ctl("bench", "invoices", status=2)
        before = self.host.show("orders")["taken_total"]
        self.host.kill()
        self.host.ctl("bench", "orders", status=3)
        self.host.start()
        self.assertEqual(self.host.show("orders")["taken_total"], before)


if __name__ == "__main__":
    unittest.main()
