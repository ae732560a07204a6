"""The one word that clients can write is set to something else under a living sidecar: what fell or
jumped absurdly far is fenced, what jumped a little counts as taken, and no id comes twice."""

import mmap
import struct
import time
import unittest

from instance import Instance, eventually

# "Too early" for an unfence is two of these.
CONFIG = {"elasticsearch": {"epoch_poll": "200ms"}, "defaults": {"min_block": 100}}

# Of the first sequence, in `tickets` and in `ring` (shmclient/src/layout.hpp).
COUNTER = 4096 + 65536 // 8
FILLED_END = 4096 + 65536 * 4 + 384


def set_counter(host, change):
    """Of the first sequence: sets it to change(counter, filled_end), modulo 2^64."""
    with open(host.runtime_dir / "ring", "rb") as ring:
        ring.seek(FILLED_END)
        filled_end, = struct.unpack("<Q", ring.read(8))
    with open(host.runtime_dir / "tickets", "r+b") as file, \
            mmap.mmap(file.fileno(), COUNTER + 8) as tickets:
        counter, = struct.unpack_from("<Q", tickets, COUNTER)
        struct.pack_into("<Q", tickets, COUNTER, change(counter, filled_end) % 2**64)


class TicketCounter(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self, config=CONFIG).start()
        self.ids = self.host.next("orders", 130)
        eventually(self, lambda: self.host.show("orders")["state"] == "ready")

    def expect_fence(self, change, *causes):
        before = self.host.assert_accounted("orders")
        set_counter(self.host, change)
        fenced = eventually(self, lambda: self.about("fenced"))
        for cause in causes:
            self.assertIn(cause, fenced["detail"])
        self.host.ctl("next", "orders", "--timeout", 1, status=1)
        after = self.host.assert_accounted("orders")
        self.assertEqual(after["ready_ids"], 0)
        self.assertGreaterEqual(after["taken_total"], before["taken_total"])
        gone = [about["taken_total"] + about["lost_total"]["burnt_fence"]
                for about in (before, after)]
        self.assertEqual(gone[1], gone[0] + before["ready_ids"])
        self.go_on()
        return before, after

    def about(self, state):
        about = self.host.show("orders")
        return about if about["state"] == state else None

    def go_on(self):
        above = self.host.show("orders")["high_water"] + 1_000
        time.sleep(0.5)  # two epoch_polls
        eventually(self, lambda: self.host.request(
            "POST", "/v1/sequences/orders/unfence", {"above": above})[0] == 200)
        self.expect_new_ids(self.host.next("orders", 130))
        self.assertGreater(self.ids[-130], above)

    def expect_new_ids(self, ids):
        self.assertGreater(ids[0], self.ids[-1])
        self.ids += ids
        self.assertEqual(len(set(self.ids)), len(self.ids))
        eventually(self, lambda: self.about("ready"))
        about = self.host.assert_accounted("orders")
        self.assertGreaterEqual(about["taken_total"], len(self.ids))

    def test_fell_by_one(self):
        before, after = self.expect_fence(lambda counter, _: counter - 1, "fell")
        self.assertEqual(after["taken_total"], before["taken_total"])

    def test_fell_by_a_block(self):
        before, after = self.expect_fence(lambda counter, _: counter - 100, "fell")
        self.assertEqual(after["taken_total"], before["taken_total"])

    def test_zeroed(self):
        self.expect_fence(lambda *_: 0, "fell", " to 0")

    def test_jumped_to_the_end_of_the_range(self):
        self.expect_fence(lambda *_: -1, "jumped")

    def test_jumped_absurdly_far(self):
        self.expect_fence(lambda _, filled_end: filled_end + 2**31 + 1, "jumped")

    def test_again_and_again(self):
        for value in (0, -1, 1, 2**63):
            self.expect_fence(lambda *_: value)

    def test_found_by_the_next_sidecar(self):
        before = self.host.assert_accounted("orders")
        self.host.kill()
        set_counter(self.host, lambda counter, _: counter - 100)
        self.host.start()
        fenced = eventually(self, lambda: self.about("fenced"))
        self.assertIn("fell", fenced["detail"])
        after = self.host.assert_accounted("orders")
        self.assertEqual(after["taken_total"], before["taken_total"])
        self.go_on()

    def test_jumped_a_little_counts_as_taken(self):
        for jump in (1, 100):
            before = self.host.assert_accounted("orders")
            set_counter(self.host, lambda counter, _: counter + jump)
            eventually(self, lambda: self.about("ready"))
            after = self.host.assert_accounted("orders")
            self.assertEqual(after["taken_total"], before["taken_total"] + jump)
            self.assertEqual(sum(after["lost_total"].values()), 0)
            first = self.ids[-1] + jump + 1
            self.expect_new_ids(self.host.next("orders", 50))
            self.assertEqual(self.ids[-50], first)

    def test_jumped_past_the_blocks_counts_as_taken(self):
        set_counter(self.host, lambda _, filled_end: filled_end + 1_000)
        eventually(self, lambda: self.about("ready"))
        self.expect_new_ids(self.host.next("orders", 50))
        self.assertEqual(sum(self.host.show("orders")["lost_total"].values()), 0)


if __name__ == "__main__":
    unittest.main()
