"""Reset is exact: what begins after it returned is of the new epoch, in every process."""

import signal
import time
import unittest

import cluster
from instance import Instance, check_ids, eventually


class Reset(unittest.TestCase):
    RESETS = 12

    def reset_under_load(self, host):
        host.next("orders")
        takers = [host.taker("orders", mode="take", run=run, seconds=600, rate=20_000, timeout=20,
                             times=True) for run in (1, 1, 1, 7)]
        for _ in range(self.RESETS):
            time.sleep(0.2)
            epoch = host.expect(200, "POST", "/v1/sequences/orders/reset")["epoch"]
            host.resets.append(("orders", time.monotonic_ns(), epoch))
        self.assertEqual([epoch for *_, epoch in host.resets], list(range(2, 2 + self.RESETS)))
        time.sleep(0.2)
        for taker in takers:  # only now: a reset takes as long as the source does
            taker.signal(signal.SIGTERM)
        for taker in takers:
            taker.wait_faultless()
        epochs = check_ids(self, [host])["epochs"]
        self.assertEqual(len(epochs), self.RESETS + 1, epochs)
        for about in epochs.values():
            self.assertLessEqual(about["first"], 2, epochs)  # 1 may be the one taken above
            self.assertEqual(about["missing"], 0, epochs)
        self.assertGreater(host.assert_accounted("orders")["lost_total"]["burnt_reset"], 0)

    def test_under_load_on_the_local_source(self):
        self.reset_under_load(Instance(self, config={"defaults": {"cover": "2s"}}).start())

    def test_under_load_on_elasticsearch(self):
        self.reset_under_load(Instance(self, cluster.url(), cluster.fresh_index(self),
                                       {"defaults": {"cover": "2s"}}).start())

    def test_another_host_follows(self):
        index = cluster.fresh_index(self)
        here = Instance(self, cluster.url(), index).start()
        there = Instance(self, cluster.url(), index).start()
        self.assertEqual(here.next("orders"), [1])
        there.next("orders")
        taker = there.taker("orders", mode="take", run=1, seconds=8, rate=2_000, timeout=20)
        here.ctl("reset", "orders")
        self.assertEqual(here.show("orders")["epoch"], 2)
        eventually(self, lambda: there.show("orders")["epoch"] == 2)
        here.next("orders", 20)
        taker.wait_faultless()
        epochs = check_ids(self, [here, there])["epochs"]
        self.assertEqual(set(epochs), {"1", "2"})
        for host in (here, there):
            host.assert_accounted("orders")

    def test_all_resets_what_is_open_here_and_nothing_else(self):
        index = cluster.fresh_index(self)
        here = Instance(self, cluster.url(), index).start()
        there = Instance(self, cluster.url(), index).start()
        here.next("orders", 3)
        there.next("invoices", 3)
        here.ctl("reset", "--all")
        self.assertEqual(here.next("orders"), [1])
        self.assertEqual(there.next("invoices"), [4])

    def test_a_raise_reaches_another_host(self):
        index = cluster.fresh_index(self)
        here = Instance(self, cluster.url(), index).start()
        there = Instance(self, cluster.url(), index).start()
        for host in (here, there):
            host.next("orders")
        here.ctl("raise", "orders", "--above", 1_000_000)
        self.assertGreater(here.next("orders")[0], 1_000_000)
        eventually(self, lambda: there.next("orders")[0] > 1_000_000)
        self.assertGreater(there.next("orders")[0], 1_000_000)


if __name__ == "__main__":
    unittest.main()
