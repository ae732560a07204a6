"""What the tests on a cluster of three nodes share: two sidecars with takers on an index of the test's
own, and what must be true of them when all is over.
"""

import os
import shutil
import tempfile
import unittest
import uuid

from elasticsearch_cluster import ElasticsearchCluster
from instance import Instance, at_rest, check_ids, eventually

COVER = 8  # seconds; longer than the cluster needs to promote another copy


class ClusterUnderLoad(unittest.TestCase):
    replicas = 1
    network = None  # or a NetworkOfNamespaces

    @classmethod
    def setUpClass(cls):
        if os.environ.get("ESSEQUENCE_TEST_FULL") != "1":
            raise unittest.SkipTest("takes several minutes: only in tests/run --full")
        if cls.network:
            if os.geteuid() != 0:
                raise unittest.SkipTest("network namespaces need root")
            cls.addClassCleanup(cls.network.remove)
            cls.network.create()
        directory = tempfile.mkdtemp(prefix="essequence-cluster.")
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.cluster = ElasticsearchCluster(directory, network=cls.network)
        cls.addClassCleanup(cls.cluster.remove)
        cls.cluster.start()

    def setUp(self):
        self.cluster.start()  # what an earlier test left down
        self.index = f"essequence-test-{uuid.uuid4().hex[:12]}"
        self.addCleanup(self.cluster.request, "DELETE", f"/{self.index}")
        self.hosts = [self.instance(self.cluster.urls) for _ in range(2)]
        for host in self.hosts:
            host.start()
            host.next("orders", timeout=50)  # the shards of a new index take their time
        if self.replicas != 1:
            self.cluster.request("PUT", f"/{self.index}/_settings",
                                 {"index.auto_expand_replicas": f"0-{self.replicas}"})
        self.cluster.wait_until_whole()
        self.takers = [host.taker("orders", mode=mode, rate=500, seconds=600, timeout=timeout,
                                  times=True)
                       for host in self.hosts
                       for mode, timeout in (("next", 0.5), ("take", 60), ("mixed", 60))]
        for host in self.hosts:  # so that the ring is as full as it gets
            eventually(self, lambda host=host: (host.show("orders")["cover_seconds"] or 0) > 3)

    def instance(self, urls):
        # A taker that waited makes up for it, at a rate that would fill the ring for minutes; then
        # no block would be asked for while a node is away.
        config = {"defaults": {"cover": f"{COVER}s", "max_block": 8_000},
                  "elasticsearch": {"hosts": urls}}
        return Instance(self, urls[0], self.index, config)

    def primary(self):
        return eventually(self, lambda: self.cluster.node_with_primary(self.index), 60)

    def everyone_goes_on(self, seconds=120):
        """Each host is granted a block that it asks for from now on."""
        for host in self.hosts:
            before = host.show("orders")["refills_total"]
            eventually(self, lambda host=host: host.show("orders")["refills_total"] > before + 1,
                       seconds, "no block")
            self.assertNotEqual(host.show("orders")["state"], "fenced")
            eventually(self, lambda host=host: host.source()["healthy"], seconds)

    def counter(self):
        _, reply = self.cluster.request("GET", f"/{self.index}/_doc/orders")
        return reply["_source"]["iid"]

    def check(self):
        """Ends the takers. No id came twice and every one is accounted for. The longest time that
        a taker was without an id, in seconds, and how many takes were refused."""
        self.everyone_goes_on()
        summaries = [taker.finish() for taker in self.takers]
        for summary in summaries:
            self.assertEqual(summary["errors"], 0, summary)  # FENCED would be one
        found = check_ids(self, self.hosts)
        self.assertEqual(set(found["epochs"]), {"1"})
        abouts, iid = eventually(self, lambda: at_rest(self.hosts, "orders", self.counter), 60)
        taken = sum(about["taken_total"] for about in abouts)
        dropped = sum(about["dropped_by_clients"] for about in abouts)
        self.assertEqual(taken, found["ids"] + dropped + len(self.hosts))  # one each in setUp
        unknown = sum(about["lost_total"]["unknown_reply"] for about in abouts)
        granted = sum(about["granted_total"] for about in abouts)
        self.assertGreaterEqual(iid, granted - unknown)
        self.assertLessEqual(iid, granted)
        longest = max(summary["longest_gap"] for summary in summaries)
        refused = sum(summary["unavailable"] + summary["timeouts"] for summary in summaries)
        print(f"{found['ids']} ids, {unknown} in unknown replies, longest stall of a taker "
              f"{longest:.2f} s, {refused} takes at their deadline")
        return longest, refused
