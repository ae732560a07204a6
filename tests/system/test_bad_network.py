"""Between sidecar and Elasticsearch lies a network that loses, cuts, repeats and garbles."""

import collections
import os
import random
import time
import unittest

import cluster
import fault_proxy
from fault_proxy import FaultProxy
from host_processes import threads_of
from instance import Instance, at_rest, check_ids, eventually

SECONDS = 120 if os.environ.get("ESSEQUENCE_TEST_FULL") else 20
SEED = int(os.environ.get("ESSEQUENCE_TEST_SEED", random.randrange(2**32)))
# By compare-and-set, where a request says what the counter will be.
CONFIG = {"elasticsearch": {"request_timeout": "1s", "allocation": "cas"},
          "defaults": {"cover": "1s"}}


class OneFault(unittest.TestCase):
    """Each fault once, on a write that asks for a block; all else goes well."""

    def setUp(self):
        self.index = cluster.fresh_index(self)
        self.proxy = FaultProxy(self, cluster.url())
        self.host = Instance(self, self.proxy.url, self.index, CONFIG).start()
        self.ids = self.host.next("orders")

    def settled(self):
        """The accounts, and the document's counter of the same moment."""
        def quiet():
            if self.proxy.under_way:
                return None
            found = at_rest([self.host], "orders",
                            lambda: cluster.document(self.index, "orders")[1]["iid"])
            return None if self.proxy.under_way else found

        (about,), iid = eventually(self, quiet)
        return about, iid

    def meet(self, *faults):
        """Takes ids until writes that ask for a block have met the faults, one each. Returns by how
        much unknown_reply, what is granted and the document's counter grew, and what the first of
        the writes asked for."""
        before, iid_before = self.settled()
        asked = []

        def of(request):
            last = request.allocates("orders")
            asked.extend([last] if last else [])
            return bool(last)

        for fault in faults:
            self.proxy.once(fault, of)
        while self.proxy.scripted:
            self.ids += self.host.next("orders")
        after, iid_after = self.settled()
        self.assertEqual(after["epoch"], 1)
        return (after["lost_total"]["unknown_reply"] - before["lost_total"]["unknown_reply"],
                after["granted_total"] - before["granted_total"], iid_after - iid_before,
                asked[0] - iid_before)

    def check(self, faults, expect):
        for fault in faults:
            with self.subTest(fault.__name__):
                expect(*self.meet(fault))
        self.ids += self.host.next("orders", 100)
        self.assertEqual(self.ids, sorted(set(self.ids)))

    def test_what_is_answered_late_or_oddly_is_granted(self):
        def expect(unknown, granted, moved, block):
            self.assertEqual((unknown, moved), (0, granted))

        self.check(fault_proxy.ANSWERED, expect)

    def test_a_block_whose_reply_is_lost_is_counted_and_never_used(self):
        def expect(unknown, granted, moved, block):
            self.assertEqual((unknown, moved), (block, granted))

        self.check(fault_proxy.DONE_UNHEARD, expect)

    def test_a_block_that_was_perhaps_asked_for_is_counted(self):
        def expect(unknown, granted, moved, block):
            self.assertEqual((unknown, moved), (block, granted - block))

        self.check(fault_proxy.UNDONE_UNHEARD, expect)

    def test_a_refusal_costs_no_id(self):
        def expect(unknown, granted, moved, block):
            self.assertEqual((unknown, moved), (0, granted))

        self.check(fault_proxy.REFUSED, expect)

    def test_a_conflict_with_its_own_duplicate_is_a_gap(self):
        # The second reply says "conflict" and hides that the first request was carried out.
        def expect(unknown, granted, moved, block):
            self.assertEqual((unknown, moved), (0, granted + block))

        self.check([fault_proxy.second_reply_of_two], expect)

    def test_a_refusal_of_what_was_sent_again_is_no_certain_one(self):
        # The first reply got lost with a reused connection; cpprestsdk sends again by itself.
        for refused in fault_proxy.REFUSED:
            with self.subTest(refused.__name__):
                unknown, granted, moved, block = self.meet(fault_proxy.reply_lost, refused)
                self.assertEqual((unknown, moved), (block, granted))

    def test_a_request_lost_on_a_reused_connection_is_sent_again(self):
        def expect(unknown, granted, moved, block):
            # On a new connection it is not, and may have been carried out as far as one can see.
            self.assertIn((unknown, granted - moved), ((0, 0), (block, block)))

        self.check([fault_proxy.request_lost], expect)

    def check_reset(self, fault, epoch):
        """The sidecar does not know what became of it, says so, and finds out."""
        self.proxy.once(fault, lambda request: request.writes and b'"epoch"' in request.body)
        self.host.expect(504, "POST", "/v1/sequences/orders/reset")
        self.assertEqual(cluster.document(self.index, "orders")[1]["epoch"], epoch)
        eventually(self, lambda: self.host.show("orders")["epoch"] == epoch)

    def test_a_reset_whose_reply_is_lost_is_followed(self):
        self.check_reset(fault_proxy.reply_held_back, 2)
        self.assertEqual(self.host.next("orders", 3), [1, 2, 3])

    def test_a_reset_that_is_lost_has_not_been(self):
        self.check_reset(fault_proxy.silence, 1)
        self.assertEqual(self.host.next("orders"), [self.ids[-1] + 1])

    def test_a_creation_whose_reply_is_lost_is_found(self):
        self.proxy.once(fault_proxy.reply_held_back,
                        lambda request: request.writes and "/new?" in request.target)
        self.host.expect(503, "PUT", "/v1/sequences/new", {"start": 1000})
        self.assertEqual(self.host.next("new"), [1000])


class AllFaults(unittest.TestCase):
    TAKERS = [dict(mode="mixed", threads=2, rate=1_000, timeout=0.3),
              dict(mode="take", run=8, rate=1_000, timeout=20)]

    def order(self, host, verb, body=None):
        """A reset or a raise, which may fail; the reply to a success."""
        status, reply = host.request("POST", f"/v1/sequences/orders/{verb}", body)
        if status == 200:
            return reply
        self.assertIn((status, reply["error"]["type"]),
                      ((409, "conflict"), (503, "source_unavailable"), (504, "outcome_unknown")),
                      reply)
        return None

    def weather(self, hosts, chance):
        done = {"reset": 0, "raise": 0}
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            host = chance.choice(hosts)
            if chance.random() < 0.5:
                reply = self.order(host, "reset")
                if reply:
                    host.resets.append(("orders", time.monotonic_ns(), reply["epoch"]))
                done["reset"] += bool(reply)
            else:
                above = host.show("orders")["high_water"] + chance.randrange(1, 5_000)
                done["raise"] += bool(self.order(host, "raise", {"above": above}))
            time.sleep(0.3 * chance.random())
        return done

    def test_three_requests_in_ten_are_spoilt(self):
        print(f"faults for {SECONDS} s, seed {SEED}", flush=True)
        index = cluster.fresh_index(self)
        proxy = FaultProxy(self, cluster.url())
        hosts = [Instance(self, proxy.url, index, CONFIG).start() for _ in range(2)]
        for host in hosts:
            eventually(self, lambda: host.source()["healthy"])
            for name in ("orders", "invoices"):
                host.open(name)
        takers = [host.taker(name, seconds=SECONDS + 2, times=True, epoch=0, **options)
                  for host in hosts for name in ("orders", "invoices") for options in self.TAKERS]
        proxy.storm(random.Random(SEED), 0.3)
        done = self.weather(hosts, random.Random(SEED + 1))
        proxy.calm()
        for taker in takers:
            self.assertEqual(taker.wait()["errors"], 0)

        # All is as before, and nobody is fenced.
        after = [host.taker(name, count=1_000, timeout=20, times=True, epoch=0)
                 for host in hosts for name in ("orders", "invoices")]
        for taker in after:
            taker.wait_faultless()
        eventually(self, lambda: proxy.under_way == 0 and all(
            host.show(name)["state"] == "ready" for host in hosts for name in ("orders", "invoices")))
        check_ids(self, hosts, sequence="orders")
        for host in hosts:
            host.assert_accounted("orders")
        found = check_ids(self, hosts, sequence="invoices")
        lost = self.check_invoices(index, proxy, hosts, found)
        spoilt = sum(proxy.counts.values()) - proxy.counts["none"]
        print(f"{spoilt} of {sum(proxy.counts.values())} requests spoilt, {done['reset']} resets, "
              f"{done['raise']} raises; {found['ids']} ids of invoices, none twice, {lost} lost with "
              "replies, all counted", flush=True)
        self.assertGreaterEqual(spoilt, len(fault_proxy.FAULTS))  # each one at least once
        for host in hosts:  # cpprestsdk would have 40
            self.assertLessEqual(threads_of(host.process.pid), 8)

    def check_invoices(self, index, proxy, hosts, found):
        """Neither reset nor raised: each id up to the counter has its place in the accounts."""
        abouts = [host.assert_accounted("invoices") for host in hosts]
        unknown = sum(about["lost_total"]["unknown_reply"] for about in abouts)
        granted = sum(about["granted_total"] for about in abouts) - unknown
        ready = sum(about["ready_ids"] for about in abouts)
        taken = sum(about["taken_total"] for about in abouts)
        dropped = sum(about["dropped_by_clients"] for about in abouts)
        iid = cluster.document(index, "invoices")[1]["iid"]

        # What the server granted, by the fault that its reply met.
        moved = sorted(((request.allocates("invoices"), fault)
                        for request, fault, reply in proxy.log
                        if request.allocates("invoices") and reply.updated("invoices")),
                       key=lambda grant: grant[0])
        blocks = collections.Counter()
        for (before, _), (last, fault) in zip([(0, None), *moved], moved):
            blocks[fault] += last - before
        self.assertEqual(sum(blocks.values()), iid)
        hidden = blocks[fault_proxy.second_reply_of_two]
        unheard = sum(blocks[fault] for fault in fault_proxy.DONE_UNHEARD)
        # Lost with its reply is what the server granted and no host heard of, or heard of too late.
        self.assertLessEqual(unheard, iid - granted - hidden)
        self.assertLessEqual(iid - granted - hidden, unknown)
        self.assertEqual(granted, taken + ready)
        self.assertEqual(taken, found["ids"] + dropped)
        return iid - granted - hidden


if __name__ == "__main__":
    unittest.main()
