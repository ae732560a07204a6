"""Three real nodes lose one, two and all of them under the load of two sidecars: no id twice, and each
sidecar goes on by itself.
"""

import time
import unittest

from cluster_under_load import ClusterUnderLoad
from instance import check_ids, eventually
from network_of_namespaces import NetworkOfNamespaces

PATIENCE = 30  # seconds that a taker waits at most where another copy takes over; mostly none


class NodesGoDown(ClusterUnderLoad):
    def test_each_node_is_killed_in_turn(self):
        first = self.primary()
        for node in [first, *(node for node in self.cluster.nodes if node is not first)]:
            node.kill()
            self.everyone_goes_on()
            node.start()
            self.cluster.wait_until_whole()
        longest, _ = self.check()
        self.assertLess(longest, PATIENCE)

    def test_without_a_quorum_takes_wait_and_go_on_by_themselves(self):
        primary = self.primary()
        others = [node for node in self.cluster.nodes if node is not primary]
        for node in others:
            node.kill()
        for host in self.hosts:
            eventually(self, lambda host=host: host.show("orders")["state"] == "starved", 60)
            eventually(self, lambda host=host: not host.source()["healthy"])
            self.assertTrue(host.source()["detail"])
        time.sleep(2)  # the takers wait, and the first of them are told so
        for node in others:
            node.launch()
        _, refused = self.check()
        self.assertGreater(refused, 0)

    def test_rolling_restart(self):
        for node in self.cluster.nodes:
            node.stop()
            node.start()
            self.cluster.wait_until_whole()
        longest, _ = self.check()
        self.assertLess(longest, PATIENCE)

    def test_full_restart(self):
        self.cluster.stop()
        self.cluster.start()
        self.check()

    def test_a_frozen_primary_is_replaced_and_thaws(self):
        old = self.primary()
        self.cluster.freeze(old)
        self.addCleanup(self.cluster.thaw, old)
        eventually(self, lambda: self.primary() is not old, 60)
        self.everyone_goes_on()
        self.cluster.thaw(old)  # it answers what it was asked, and believes to be primary still
        time.sleep(5)
        self.cluster.wait_until_whole()
        self.check()


class LinksAreCut(ClusterUnderLoad):
    """The primary is cut off from the other nodes and goes on answering the sidecars: it reads out
    what has long been granted further, and what it wrote alone and will have to forget."""

    replicas = 2
    network = NetworkOfNamespaces()

    def test_an_isolated_primary(self):
        for seconds in (1, 3, 10, 20):
            old = self.primary()
            self.cluster.cut(old)
            self.addCleanup(self.cluster.mend, old)
            time.sleep(seconds)
            if seconds > 9:
                self.assertIsNot(self.primary(), old)
                self.everyone_goes_on()
            self.cluster.mend(old)
            self.cluster.wait_until_whole()
            self.everyone_goes_on()
        self.check()

    def test_what_an_isolated_primary_wrote_alone_and_read_out_is_no_mark(self):
        old = self.primary()
        host = self.instance([old.url]).start()  # all that it hears is what this node says
        host.next("invoices")
        taker = host.taker("invoices", rate=500, seconds=600, timeout=60, times=True)
        eventually(self, lambda: (host.show("invoices")["cover_seconds"] or 0) > 3)
        self.cluster.cut(old)
        self.addCleanup(self.cluster.mend, old)
        eventually(self, lambda: self.primary() is not old, 60)

        document = f"/{self.index}/_doc/invoices?preference=_local"

        def wrote_alone():
            _, true = self.cluster.request("GET", document)
            _, its = old.request("GET", document)
            return its["_source"]["iid"] > true["_source"]["iid"]

        eventually(self, wrote_alone)
        time.sleep(3)  # so that the host, which tries to refill once a second, has read it
        self.cluster.mend(old)
        self.cluster.wait_until_whole()
        eventually(self, lambda: host.show("invoices")["state"] == "ready", 60,
                   "it did not go on")
        self.assertEqual(taker.finish()["errors"], 0)
        check_ids(self, [host], sequence="invoices")
        host.assert_accounted("invoices")


if __name__ == "__main__":
    unittest.main()
