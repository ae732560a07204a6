"""The ancestor's index, documents {name, iid}: taken over when nobody writes to it any more."""

import threading
import unittest
import uuid

import administrator
import cluster
from instance import Instance


class AncestorsClient(threading.Thread):
    """Fetches ids in bulk as the ancestor did, until it is told to stop, or refused."""

    def __init__(self, index, name):
        super().__init__()
        self.path = f"/{index}/_doc/{name}"
        self.done = threading.Event()
        self.last, self.status = 0, None

    def run(self):
        while not self.done.wait(0.2):
            _, found = cluster.request("GET", self.path)
            iid = found["_source"]["iid"] + 10
            self.status, _ = cluster.request(
                "PUT", f"{self.path}?if_seq_no={found['_seq_no']}&if_primary_term="
                       f"{found['_primary_term']}", {"name": found["_id"], "iid": iid})
            if self.status != 200:
                return
            self.last = iid


class TakeOver(unittest.TestCase):
    def setUp(self):
        self.ancestor = f"lovely-essequences-{uuid.uuid4().hex[:12]}"
        self.addCleanup(cluster.delete_index, self.ancestor)
        for name, iid in {"orders": 41, "invoices": 1_000_000_007, "new": 0}.items():
            self.write(name, {"name": name, "iid": iid})
        self.name = cluster.fresh_index(self)

    def write(self, name, source, status=201):
        self.assertEqual(cluster.request("PUT", f"/{self.ancestor}/_doc/{name}", source)[0], status)

    def take_over(self, status=0):
        return administrator.run(self, "provision", "--index", self.name, "--take-over",
                                 self.ancestor, status=status)

    def test_refused_while_somebody_writes_then_the_next_id_is_iid_plus_1(self):
        client = AncestorsClient(self.ancestor, "orders")
        client.start()
        _, told = self.take_over(status=1)
        self.assertIn("still written to (\"orders\"", told)
        client.done.set()
        client.join()
        self.assertEqual(client.status, 200)  # nothing was kept from it

        told, _ = self.take_over()
        self.assertIn(f"orders: taken over, goes on above {client.last}", told)
        # Whoever was forgotten cannot be granted anything any more.
        self.write("orders", {"name": "orders", "iid": 9_999}, status=403)
        host = Instance(self, cluster.url(), self.name, {"elasticsearch": {"create": False}})
        host.start()
        self.assertEqual(host.next("orders"), [client.last + 1])
        self.assertEqual(host.next("invoices"), [1_000_000_008])
        self.assertEqual(host.next("new"), [1])

        self.assertIn("orders: is there already", self.take_over()[0])  # and again: nothing to do

    def test_what_cannot_be_taken_over_is_told_and_nothing_is_lowered(self):
        self.write("a%2Fb", {"name": "a/b", "iid": 7})
        self.write("odd", {"name": "odd", "iid": -5})
        administrator.run(self, "provision", "--index", self.name)
        host = Instance(self, cluster.url(), self.name).start()
        host.open("orders", above=9_000)
        host.open("invoices")
        _, told = self.take_over(status=1)
        self.assertRegex(told, r'"a/b" is not taken over: .*/')
        self.assertRegex(told, r'"odd" is not taken over: .*iid.*-5')
        self.assertRegex(told, r'"invoices" is not taken over: .*raise')
        self.assertNotIn('"orders"', told)
        self.assertGreater(host.next("orders")[0], 9_000)
        self.assertEqual(host.next("new"), [1])

    def test_an_index_of_our_own_is_refused(self):
        own = administrator.provisioned(self)
        _, told = administrator.run(self, "provision", "--index", self.name, "--take-over", own,
                                    status=1)
        self.assertIn("index of Essequence", told)
        settings = cluster.request("GET", f"/{own}/_settings/index.blocks.*")[1]
        self.assertEqual(settings, {})

    def test_an_index_that_is_not_there(self):
        cluster.delete_index(self.ancestor)
        _, told = self.take_over(status=1)
        self.assertIn(self.ancestor, told)


if __name__ == "__main__":
    unittest.main()
