"""One host on the local source: the ids are 1, 2, 3, … and what an operator does takes hold."""

import unittest

from instance import Instance, check_ids, eventually


class Local(unittest.TestCase):
    def test_ids_are_dense_over_restarts(self):
        host = Instance(self).start()
        self.assertEqual(host.next("orders", 3), [1, 2, 3])
        host.stop()
        host.start()
        self.assertEqual(host.next("orders", 2), [4, 5])
        host.kill()
        host.start()
        self.assertEqual(host.next("orders", 30), list(range(6, 36)))
        about = host.assert_accounted("orders")
        self.assertEqual((about["taken_total"], about["granted_total"] - about["ready_ids"]),
                         (35, 35))

    def test_sequences_are_independent(self):
        host = Instance(self).start()
        for name in ("orders", "Rechnungen / 2024".replace("/", "-"), "заказы", "a" * 255):
            self.assertEqual(host.next(name, 2), [1, 2])

    def test_four_processes_of_two_threads_share_one_sequence(self):
        host = Instance(self).start()
        for mode in ("next", "take", "mixed", "try"):
            host.taker("orders", mode=mode, seconds=2, threads=2, rate=50_000, times=True)
        taken = sum(taker.wait_faultless()["taken"] for taker in host.takers)
        summary = check_ids(self, [host])["epochs"]["1"]
        self.assertEqual((summary["first"], summary["missing"], summary["ids"]), (1, 0, taken))
        self.assertEqual(host.assert_accounted("orders")["taken_total"], taken)

    def test_a_killed_taker_costs_at_most_the_id_in_its_hands(self):
        host = Instance(self).start()
        steady = host.taker("orders", count=150_000, rate=50_000)
        killed = 0
        while steady.process.poll() is None:
            victim = host.taker("orders", seconds=60)
            eventually(self, lambda: any(victim.files()))
            victim.kill()
            killed += 1
        steady.wait_faultless()
        summary = check_ids(self, [host])["epochs"]["1"]
        self.assertLessEqual(summary["missing"], killed)
        self.assertEqual(summary["first"], 1)
        host.assert_accounted("orders")

    def test_start_increment_and_max(self):
        host = Instance(self, config={"sequence.odd": {"start": 101, "increment": 2, "max": 109}})
        host.start()
        self.assertEqual(host.next("odd", 5), [101, 103, 105, 107, 109])
        self.assertEqual(host.next("orders"), [1])
        host.ctl("next", "odd", "--timeout", 1, status=1)
        eventually(self, lambda: host.show("odd")["state"] == "exhausted")
        host.assert_accounted("odd")

    def test_created_with_values_of_its_own(self):
        host = Instance(self).start()
        host.ctl("create", "even", "--start", 2, "--increment", 2, "--max", 6)
        self.assertEqual(host.next("even", 3), [2, 4, 6])
        host.ctl("create", "imported", "--above", 5000)
        self.assertEqual(host.next("imported"), [5001])

    def test_reset_one_and_all(self):
        host = Instance(self).start()
        self.assertEqual(host.next("orders", 5), [1, 2, 3, 4, 5])
        self.assertEqual(host.next("invoices", 2), [1, 2])
        host.ctl("reset", "orders")
        self.assertEqual(host.next("orders", 2), [1, 2])
        self.assertEqual(host.next("invoices"), [3])
        self.assertEqual(host.show("orders")["epoch"], 2)
        reply = host.expect(200, "POST", "/v1/reset")
        self.assertEqual(reply, {"sequences": {"orders": {"epoch": 3}, "invoices": {"epoch": 2}}})
        self.assertEqual(host.next("orders") + host.next("invoices"), [1, 1])
        host.ctl("reset", "--all")
        self.assertEqual(host.next("orders") + host.next("invoices"), [1, 1])
        for name in ("orders", "invoices"):
            host.assert_accounted(name)

    def test_raise(self):
        host = Instance(self).start()
        self.assertEqual(host.next("orders"), [1])
        host.ctl("raise", "orders", "--above", 1000)
        self.assertEqual(host.next("orders", 2), [1001, 1002])
        host.ctl("raise", "orders", "--above", 7)  # above it already: nothing to skip
        self.assertGreater(host.next("orders")[0], 1002)
        self.assertGreater(host.assert_accounted("orders")["lost_total"]["burnt_raise"], 0)

    def test_a_deleted_name_comes_back_only_on_purpose(self):
        host = Instance(self).start()
        self.assertEqual(host.next("orders", 2), [1, 2])
        host.ctl("delete", "orders")
        host.expect(404, "GET", "/v1/sequences/orders")
        host.expect(409, "PUT", "/v1/sequences/orders", {})
        host.open("orders", above=500)
        self.assertEqual(host.next("orders"), [501])
        host.ctl("delete", "orders")
        host.open("orders", from_start=True)
        self.assertEqual(host.next("orders"), [1])

    def test_a_lost_state_directory_fences_while_the_ring_lives(self):
        host = Instance(self).start()
        host.next("orders", 5)
        host.stop()
        for file in host.state_dir.iterdir():
            file.unlink()
        host.start()
        eventually(self, lambda: host.show("orders")["state"] == "fenced")
        host.ctl("next", "orders", "--timeout", 1, status=1)
        taker = host.taker("orders", seconds=1)
        summary = taker.wait()
        self.assertEqual(summary["taken"], 0)
        self.assertIn("FENCED", summary["last_error"])


if __name__ == "__main__":
    unittest.main()
