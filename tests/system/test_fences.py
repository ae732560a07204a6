"""The source went back in time under load: fenced, with the cause; unfence goes on above the mark.
What can befall several hosts together is in test_bad_days.py."""

import time
import unittest

import cluster
from instance import Instance, check_ids, eventually

# So that the refills come often, and "too early" is longer than the test needs to find the fence.
CONFIG = {"defaults": {"cover": "1s"}, "elasticsearch": {"epoch_poll": "1s"}}


class Fences(unittest.TestCase):
    def setUp(self):
        self.index = cluster.fresh_index(self)
        self.host = Instance(self, cluster.url(), self.index, CONFIG).start()
        self.host.next("orders")
        self.taker = self.host.taker("orders", seconds=600, count=8_000, rate=1_000, timeout=1)
        eventually(self, lambda: self.host.show("orders")["taken_total"] > 1_000)

    def expect_fence_with(self, *causes):
        """Waits for the fence, checks that it names its cause, and lets it go above the mark."""
        fenced = eventually(self, lambda: self.about_if_fenced(self.host))
        for cause in causes:
            self.assertRegex(fenced["detail"], cause)
        self.assertIn("unfence orders --above", fenced["detail"])
        self.host.ctl("next", "orders", "--timeout", 1, status=1)
        mark = fenced["high_water"]
        above = mark + 1_000
        self.host.expect(409, "POST", "/v1/sequences/orders/unfence", {"above": above})
        time.sleep(2.5)  # two epoch_polls
        self.host.ctl("unfence", "orders", "--above", above)
        self.assertGreater(self.host.next("orders")[0], above)
        summary = self.taker.wait()
        self.assertIn("FENCED", summary["last_error"])
        epochs = check_ids(self, [self.host])["epochs"]
        self.assertEqual(set(epochs), {"1"})
        self.assertGreater(epochs["1"]["last"], above)
        about = self.host.assert_accounted("orders")
        self.assertNotEqual(about["state"], "fenced")

    def about_if_fenced(self, host):
        about = host.show("orders")
        return about if about["state"] == "fenced" else None

    def stored(self):
        status, source = cluster.document(self.index, "orders")
        self.assertEqual(status, 200)
        return source

    def test_counter_set_back(self):
        cluster.put_document(self, self.index, "orders", {**self.stored(), "iid": 17})
        self.expect_fence_with(r"\b17\b")

    def test_epoch_set_back(self):
        self.host.ctl("reset", "orders")
        eventually(self, lambda: self.stored()["iid"] > 0)
        cluster.put_document(self, self.index, "orders", {**self.stored(), "epoch": 1})
        eventually(self, lambda: self.about_if_fenced(self.host))
        self.assertIn("epoch", self.host.show("orders")["detail"])

    def test_index_deleted_and_a_stray_one_in_the_place_of_its_alias(self):
        cluster.delete_index(self.index)
        # A write that was under way may have made it already (elasticsearch/index.cpp).
        status, reply = cluster.request("PUT", f"/{self.index}-write")
        self.assertTrue(status == 200 or "resource_already_exists" in str(reply), reply)
        self.expect_fence_with(r"index")

    def test_a_fence_outlives_the_sidecar(self):
        cluster.put_document(self, self.index, "orders", {**self.stored(), "iid": 17})
        eventually(self, lambda: self.about_if_fenced(self.host))
        self.host.kill()
        self.host.start()
        self.assertEqual(self.host.show("orders")["state"], "fenced")
        self.host.ctl("next", "orders", "--timeout", 1, status=1)


if __name__ == "__main__":
    unittest.main()
