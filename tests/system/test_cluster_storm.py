"""Nodes of a cluster of three are killed, restarted, frozen and cut off at random, one or two at a
time, and sidecars are killed too: no id twice, and all go on when the storm is over.

ESSEQUENCE_TEST_STORM: how many seconds, 240 at most. ESSEQUENCE_TEST_SEED: what another storm printed.
"""

import collections
import os
import random
import time
import unittest

from cluster_under_load import ClusterUnderLoad
from network_of_namespaces import NetworkOfNamespaces

SECONDS = min(240, float(os.environ.get("ESSEQUENCE_TEST_STORM", 240)))
SEED = int(os.environ.get("ESSEQUENCE_TEST_SEED", random.randrange(2**32)))


class ClusterStorm(ClusterUnderLoad):
    replicas = 2
    network = NetworkOfNamespaces()

    def test_nodes_come_and_go(self):
        print(f"cluster storm of {SECONDS:.0f} s, seed {SEED}", flush=True)
        chance = random.Random(SEED)
        happened = collections.Counter()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            what = chance.choice(["kill", "restart", "freeze", "cut", "kill_sidecar"])
            nodes = chance.sample(self.cluster.nodes, chance.choice([1, 1, 1, 2]))
            getattr(self, what)(nodes, min(12, chance.paretovariate(0.8)))
            happened[what] += 1
            if chance.random() < 0.7:  # else the next one comes while this one still recovers
                self.cluster.start()
                self.cluster.wait_until_whole()
        self.cluster.start()
        self.cluster.wait_until_whole()
        self.check()
        print(f"cluster storm of {SECONDS:.0f} s: {dict(sorted(happened.items()))}, no id twice")

    def kill(self, nodes, pause):
        for node in nodes:
            node.kill()
        time.sleep(pause)
        for node in nodes:
            node.launch()

    def restart(self, nodes, pause):
        for node in nodes:
            node.stop()
        for node in nodes:
            node.launch()

    def freeze(self, nodes, pause):
        for node in nodes:
            self.cluster.freeze(node)
        time.sleep(pause)
        for node in nodes:
            self.cluster.thaw(node)

    def cut(self, nodes, pause):
        for node in nodes:
            self.cluster.cut(node)
        time.sleep(pause)
        for node in nodes:
            self.cluster.mend(node)

    def kill_sidecar(self, nodes, pause):
        for host in self.hosts[:len(nodes)]:
            host.kill()
            host.start()


if __name__ == "__main__":
    unittest.main()
