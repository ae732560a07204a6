"""Clients and sidecars are killed, stopped and continued at random, with resets and raises in
between; every id goes into the checker, and every id that was claimed is accounted for.

ESSEQUENCE_TEST_STORM: how many seconds, half of them on each source. ESSEQUENCE_TEST_SEED: what
another storm printed, to have it again.
"""

import os
import random
import unittest

import cluster
from instance import Instance, check_ids, eventually
from storm import ORDERS, RUN, Storm

SECONDS = float(os.environ.get("ESSEQUENCE_TEST_STORM", 30)) / 2
SEED = int(os.environ.get("ESSEQUENCE_TEST_SEED", random.randrange(2**32)))
CONFIG = {"defaults": {"cover": "1s"}}


class StormTest(unittest.TestCase):
    def storm_over(self, hosts):
        print(f"storm of {SECONDS:.0f} s over {len(hosts)} host(s), seed {SEED}", flush=True)
        for host in hosts:
            host.start()
            host.open("orders")
            host.open("invoices")
        storm = Storm(self, hosts, SECONDS, random.Random(SEED))
        storm.run()
        for name in ("orders", "invoices"):  # no block is under way, and no ticket waits for one
            for host in hosts:
                eventually(self, lambda host=host: host.show(name)["state"] == "ready")
        ids = self.check_orders(storm) + self.check_invoices(storm)
        happened = ", ".join(f"{what} {often}" for what, often in sorted(storm.done.items()))
        print(f"{ids} ids in a storm of {SECONDS:.0f} s, none twice, all accounted for: {happened}",
              flush=True)

    def sums(self, hosts, name):
        """taken_total, dropped_by_clients, unknown_reply and ready_ids of all hosts; each host's
        accounts are exact."""
        abouts = [host.assert_accounted(name) for host in hosts]
        return [sum(values) for values in zip(*(
            (about["taken_total"], about["dropped_by_clients"],
             about["lost_total"]["unknown_reply"], about["ready_ids"]) for about in abouts))]

    def check_orders(self, storm):
        found = check_ids(self, storm.hosts, sequence="orders")
        taken, dropped, _, _ = self.sums(storm.hosts, "orders")
        self.assertLess(found["uncertain"], found["ids"] / 2, found)
        self.assertLessEqual(found["ids"], taken)
        # Claimed and not written down: what takers dropped by their own word; what a killed thread
        # had claimed, in a take, in a lease and one ticket kept; and what was left of a lease when
        # a cut or its thread came to its end.
        killed = sum(len(taker.files()) for taker in storm.killed)
        threads = sum(len(host.files("orders")) for host in storm.hosts)
        leases = threads + storm.most_cuts * len(storm.hosts) * sum(
            options["threads"] * (2 if "fork_every" in options else 1) for options in ORDERS)
        print(f"orders: {taken} claimed, {taken - found['ids']} not written down, {dropped} of these "
              f"dropped; {found['uncertain']} of an uncertain epoch, {len(found['epochs'])} epochs")
        self.assertLessEqual(taken - found["ids"],
                             dropped + killed * (2 * RUN + 1) + leases * (RUN - 1))
        return found["ids"]

    def check_invoices(self, storm):
        found = check_ids(self, storm.hosts, sequence="invoices")
        taken, dropped, unknown, ready = self.sums(storm.hosts, "invoices")
        print(f"invoices: {taken} claimed, {dropped} dropped, {unknown} in unknown replies")
        self.assertEqual(taken, found["ids"] + dropped)
        self.assertEqual(set(found["epochs"]), {"1"})
        last = found["epochs"]["1"]["last"]
        if len(storm.hosts) == 1 and not unknown:
            self.assertEqual(storm.hosts[0].show("invoices")["next_id"] - 1, taken)
        self.assertLessEqual(last - found["ids"], dropped + unknown + ready)
        return found["ids"]

    def test_on_the_local_source(self):
        self.storm_over([Instance(self, config=CONFIG)])

    def test_on_two_hosts_of_an_elasticsearch(self):
        index = cluster.fresh_index(self)
        self.storm_over([Instance(self, cluster.url(), index, CONFIG) for _ in range(2)])


if __name__ == "__main__":
    unittest.main()
