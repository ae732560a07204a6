"""essequencectl trace and wait: what they say, and how they end."""

import json
import subprocess
import threading
import time
import unittest

import cluster
from instance import Instance, eventually, program

WHEN = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Trace(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self).start()

    def trace(self, name, number, **options):
        return self.host.ctl("trace", name, number, **options)

    def test_taken_ready_and_to_come(self):
        self.assertEqual(self.host.next("orders", 3), [1, 2, 3])
        self.assertRegex(self.trace("orders", 2),
                         rf"^2: granted to this host at {WHEN} in the block from 1 to \d+ of "
                         r"epoch 1; taken\n$")
        self.assertIn("; ready in the ring, and not taken yet\n", self.trace("orders", 4))

        def to_come():  # unless a refill comes between the two
            high_water = self.host.show("orders")["high_water"]
            return self.trace("orders", high_water + 1) == (
                f"{high_water + 1}: not granted to any host yet, as far as this one has seen "
                f"(high_water {high_water}, epoch 1)\n")

        eventually(self, to_come)
        blocks = json.loads(self.host.ctl("--json", "trace", "orders", 2))["blocks"]
        self.assertEqual([block["first"] for block in blocks], [1])

    def test_no_id_of_the_sequence(self):
        self.host.open("odd", start=101, increment=2, max=109)
        self.host.next("odd", 5)
        for number in (99, 102, 111):
            self.assertEqual(self.trace("odd", number), f"{number}: no id of this sequence, which "
                             "goes from 101 to 109 by 2\n")
        self.assertIn("block from 101 to 109 of epoch 1; taken", self.trace("odd", 103))

    def test_over_a_reset_and_a_raise(self):
        self.host.next("orders", 3)
        self.host.ctl("reset", "orders")
        self.assertEqual(eventually(self, lambda: self.host.show("orders")["next_id"]), 1)
        first, second, rest = self.trace("orders", 2).split("\n", 2)
        self.assertRegex(first, "of epoch 2; ready in the ring")
        self.assertRegex(second, "of epoch 1; burnt by a reset, if it had not been taken before")
        self.assertEqual(rest, "")
        self.host.ctl("raise", "orders", "--above", 5000)
        self.assertEqual(self.host.next("orders"), [5001])
        self.assertIn("of epoch 2; burnt by a raise", self.trace("orders", 2))
        self.assertIn("skipped by a raise", self.trace("orders", 4000))
        self.host.ctl("reset", "orders")
        self.assertIn("'orders' is in epoch 3 now\n", self.trace("orders", 5001))

    def test_deleted_and_unknown(self):
        self.host.next("orders", 3)
        self.host.ctl("delete", "orders")
        self.assertRegex(self.trace("orders", 2), "(?s)of epoch 1; lost with its ring, if .*"
                         "'orders' is not open here any more\n$")
        self.trace("orders", 5000, status=1)
        self.trace("unknown", 1, status=1)

    def test_granted_to_another_host(self):
        index = cluster.fresh_index(self)
        one = Instance(self, cluster.url(), index).start()
        two = Instance(self, cluster.url(), index).start()
        theirs = one.next("orders")[0]
        mine = two.next("orders")[0]
        self.assertIn("; taken", two.ctl("trace", "orders", mine))
        self.assertIn(f"{theirs}: not granted to this host", two.ctl("trace", "orders", theirs))


class Wait(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self)

    def wait(self, *arguments):
        ended = subprocess.run([program("essequencectl"), "--runtime-dir",
                                str(self.host.runtime_dir), "wait", *map(str, arguments)],
                               capture_output=True, text=True, timeout=60)
        return ended.returncode, ended.stdout + ended.stderr

    def test_for_a_sidecar_that_starts_later(self):
        self.host.start()
        self.host.open("orders")
        self.host.stop()
        self.assertEqual(self.wait("orders", "--timeout", 0.2)[0], 3)
        waited = []
        thread = threading.Thread(target=lambda: waited.append(self.wait("orders", "--timeout", 50)))
        thread.start()
        time.sleep(0.3)
        self.host.start()
        thread.join()
        self.assertEqual(waited, [(0, "orders is ready\n")])

    def test_a_fenced_one_ends_at_once_with_the_way_out(self):
        self.host.start()
        self.host.next("orders", 3)
        self.host.stop()
        for file in self.host.state_dir.iterdir():
            file.unlink()
        self.host.start()
        eventually(self, lambda: self.host.show("orders")["state"] == "fenced")
        status, words = self.wait("orders", "--timeout", 1e6)
        self.assertEqual(status, 1)
        self.assertRegex(words, r"'orders' is fenced: .*essequencectl unfence orders --above \d+")

    def test_an_exhausted_and_an_unknown_one_end_at_once(self):
        self.host.start()
        self.host.open("few", max=2)
        self.host.next("few", 2)
        self.host.ctl("next", "few", "--timeout", 0.2, status=1)
        eventually(self, lambda: self.host.show("few")["state"] == "exhausted")
        self.assertRegex(self.wait("few", "--timeout", 1e6)[1], "exhausted: .* its max 2")
        self.assertEqual(self.wait("unknown", "--timeout", 1e6)[0], 1)

    def test_no_source(self):
        self.host = Instance(self, cluster.url(), cluster.fresh_index(self)).start()
        self.host.open("orders")
        eventually(self, lambda: self.host.show("orders")["state"] == "ready")
        self.host.stop()
        away = self.host.config_path.read_text().replace(cluster.url(), "http://127.0.0.1:9")
        self.host.config_path.write_text(away)
        self.host.start()
        self.host.ctl("next", "orders", "-n", 100_000_000, "--timeout", 0.2, status=5)
        status, words = self.wait("orders", "--timeout", 0.5)
        self.assertEqual(status, 5)
        self.assertRegex(words, "'orders' is starved: .*127.0.0.1:9")


if __name__ == "__main__":
    unittest.main()
