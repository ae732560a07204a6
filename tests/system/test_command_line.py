"""essequencectl and the control socket as people and scripts use them."""

import datetime
import json
import unittest

from instance import Instance

SEQUENCE_KEYS = {
    "name", "state", "detail", "epoch", "origin", "next_id", "ready_ids", "cover_seconds",
    "rate_per_second", "block_size", "high_water", "start", "increment", "max", "order",
    "granted_total", "taken_total", "lost_total", "dropped_by_clients", "refills_total",
    "stalls_total"}


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self).start()
        self.assertEqual(self.host.next("orders", 2), [1, 2])

    def json(self, *arguments):
        return json.loads(self.host.ctl("--json", *arguments))

    def test_status(self):
        status = self.json("status")
        self.assertEqual(status, {**self.host.expect(200, "GET", "/v1/status"),
                                  "uptime_seconds": status["uptime_seconds"]})
        self.assertEqual(status["pid"], self.host.process.pid)
        self.assertEqual(status["sequences"], 1)
        self.assertEqual(status["source"], {"kind": "local", "healthy": True, "detail": ""})
        self.assertIsInstance(status["layout"], int)
        started = datetime.datetime.fromisoformat(status["started_at"])
        self.assertEqual(started.utcoffset(), datetime.timedelta(0))
        self.assertIn("local", self.host.ctl("status"))

    def test_list_and_show(self):
        self.host.open("invoices")
        listed = self.json("list")["sequences"]
        self.assertEqual(sorted(about["name"] for about in listed), ["invoices", "orders"])
        for about in listed:
            self.assertLessEqual(SEQUENCE_KEYS, set(about))
        about = self.json("show", "orders")
        self.assertEqual((about["name"], about["epoch"], about["next_id"]), ("orders", 1, 3))
        self.assertIn("orders", self.host.ctl("list"))
        self.assertIn("epoch", self.host.ctl("show", "orders"))

    def test_wait_and_create(self):
        self.host.ctl("create", "invoices")
        self.host.ctl("wait", "invoices", "--timeout", 20)
        self.assertEqual(self.host.show("invoices")["state"], "ready")

    def test_failures_have_an_exit_status_and_words(self):
        self.host.ctl("show", "unknown", status=1)
        self.host.ctl("raise", "unknown", "--above", 5, status=1)
        self.host.ctl("unfence", "orders", "--above", 5, status=1)  # it is not fenced
        self.host.ctl("reset", "unknown", status=1)

    def test_next_prints_one_id_a_line(self):
        self.assertEqual(self.host.ctl("next", "orders", "-n", 3), "3\n4\n5\n")


if __name__ == "__main__":
    unittest.main()
