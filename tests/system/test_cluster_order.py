"""order = "cluster": an id is granted after it is asked for, so ids increase across hosts."""

import json
import threading
import unittest

import cluster
from instance import Instance, check_ids, eventually


class ClusterOrder(unittest.TestCase):
    def hosts(self, count):
        index = cluster.fresh_index(self)
        return [Instance(self, cluster.url(), index).start() for _ in range(count)]

    def failure_of_a_taker(self, host, sequence):
        words, _ = host.taker(sequence, seconds=1, count=1).process.communicate(timeout=60)
        return json.loads(words)["last_error"]

    def test_ids_increase_across_hosts(self):
        hosts = self.hosts(2)
        hosts[0].open("orders", order="cluster")
        taken = [hosts[i % 2].next("orders")[0] for i in range(10)]
        self.assertEqual(taken, list(range(1, 11)))
        takers = [host.taker("orders", mode=mode, seconds=6, timeout=20, times=True)
                  for host in hosts for mode in ("next", "take", "lease")]
        for taker in takers:
            self.assertGreater(taker.wait_faultless()["taken"], 0)
        # Both hosts as if they were one: a take that begins after another one has ended, wherever,
        # returns a larger id. (But the ids of a lease, which are not timed.)
        check_ids(self, hosts, one_order=True)
        granted = sum(host.assert_accounted("orders")["granted_total"] for host in hosts)
        self.assertEqual(granted, cluster.document(hosts[0].index, "orders")[1]["iid"])
        about = hosts[0].show("orders")
        self.assertEqual((about["state"], about["ready_ids"], about["next_id"]),
                         ("ready", 0, None))

    def test_those_who_wait_together_share_an_allocation(self):
        host, = self.hosts(1)
        host.open("orders", order="cluster")
        before = host.show("orders")["refills_total"]
        runs = []

        def take():
            for _ in range(20):
                runs.append(host.expect(200, "POST", "/v1/sequences/orders/take", {"count": 3}))

        threads = [threading.Thread(target=take) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ids = [run["first"] + i * run["increment"] for run in runs for i in range(run["count"])]
        self.assertEqual(sorted(ids), list(range(1, 961)))
        self.assertLess(host.show("orders")["refills_total"] - before, len(runs) / 2)

    def test_a_reset_and_a_restart(self):
        here, there = self.hosts(2)
        here.open("orders", order="cluster", start=100, increment=10)
        self.assertEqual(here.next("orders", 2), [100, 110])
        there.next("orders")
        here.ctl("reset", "orders")
        self.assertEqual(here.next("orders"), [100])
        self.assertEqual(there.next("orders"), [110])  # it finds the new epoch when it is asked
        here.kill()
        here.start()
        self.assertEqual(here.next("orders"), [120])
        here.stop()
        here.start()
        self.assertEqual(here.next("orders"), [130])
        for host in (here, there):
            about = host.assert_accounted("orders")
            self.assertEqual(about["taken_total"], {here: 5, there: 2}[host])
        trace = here.expect(200, "GET", "/v1/sequences/orders/blocks?id=130")["blocks"]
        self.assertEqual([(block["epoch"], block["fate"]) for block in trace], [(2, "taken")])

    def test_the_end_and_a_fence_are_told(self):
        host, = self.hosts(1)
        host.open("orders", order="cluster", max=5)
        run = host.expect(200, "POST", "/v1/sequences/orders/take", {"count": 3})
        self.assertEqual((run["first"], run["count"], run["epoch"]), (1, 3, 1))
        run = host.expect(200, "POST", "/v1/sequences/orders/take", {"count": 30})
        self.assertEqual((run["first"], run["count"]), (4, 2))
        host.expect(409, "POST", "/v1/sequences/orders/take", {"count": 1})
        self.assertEqual(host.show("orders")["state"], "exhausted")
        self.assertIn("has reached its max", self.failure_of_a_taker(host, "orders"))

        host.open("users", order="cluster")
        self.assertEqual(host.next("users", 5), [1, 2, 3, 4, 5])
        stored = cluster.document(host.index, "users")[1]
        cluster.put_document(self, host.index, "users", {**stored, "iid": 2})
        host.expect(409, "POST", "/v1/sequences/users/take", {"count": 1})
        self.assertIn("unfence users --above 5", host.show("users")["detail"])
        self.assertIn("FENCED", self.failure_of_a_taker(host, "users"))
        eventually(self, lambda: host.request("POST", "/v1/sequences/users/unfence",
                                              {"above": 50})[0] == 200)
        self.assertEqual(host.next("users"), [51])

    def test_the_ring_is_not_used_for_it_and_the_request_not_for_others(self):
        host, = self.hosts(1)
        host.open("users")
        host.expect(400, "POST", "/v1/sequences/users/take", {"count": 1})
        host.open("orders", order="cluster")
        host.expect(400, "POST", "/v1/sequences/orders/take", {"count": 0})
        host.kill()
        host.ctl("next", "orders", "--timeout", 1, status=(3, 5))


if __name__ == "__main__":
    unittest.main()
