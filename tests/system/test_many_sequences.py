"""Hundreds of sequences on one sidecar, opened and taken from by many processes at once.

ESSEQUENCE_TEST_FULL=1: 10,000, as many as a sidecar holds by default, on 256 processes.
"""

import os
import unittest

import cluster
from host_processes import Client, memory_of, shares, threads_of
from instance import Instance, eventually

FULL = os.environ.get("ESSEQUENCE_TEST_FULL") == "1"
SEQUENCES, PROCESSES = (10_000, 256) if FULL else (300, 16)
ROUNDS = 2


class ManySequences(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self, cluster.url(), cluster.fresh_index(self),
                             {"elasticsearch": {"epoch_poll": "5s", "request_timeout": "60s"}}).start()
        self.clients = [Client(self.host) for _ in range(PROCESSES)]
        self.ids = [[] for _ in range(SEQUENCES)]

    def at_once(self, *command):
        for client in self.clients:
            client.tell(*command)
        return [client.reply() for client in self.clients]

    def open_all(self):
        """Each creates its share, and opens what the others created."""
        for client, share in zip(self.clients, shares(SEQUENCES, PROCESSES)):
            client.tell("open", *share)
        for client in self.clients:
            client.reply()
        self.at_once("close")
        # All of them from eight processes, else the page tables alone would fill the memory.
        self.clients, others = self.clients[:8], self.clients[8:]
        for client in others:
            client.end()
        self.at_once("open", 0, SEQUENCES)

    def take(self):
        """Some of each sequence from each process: all of them above what was taken before."""
        replies = self.at_once("ids", ROUNDS)
        for number, before in enumerate(self.ids):
            new = [id for reply in replies for id in reply["ids"][number]]
            self.assertGreater(min(new), max(before, default=0), f"s-{number}")
            before += new

    def check_ids(self):
        """None came twice, and what is missing was lost with a reply of an overloaded node."""
        for number, ids in enumerate(self.ids):
            self.assertEqual(len(set(ids)), len(ids), f"s-{number}")
            if max(ids) > len(ids):
                lost = self.host.assert_accounted(f"s-{number}")["lost_total"]["unknown_reply"]
                self.assertLessEqual(max(ids) - len(ids), lost, f"s-{number}")

    def all_ready(self):
        listed = self.host.expect(200, "GET", "/v1/sequences")["sequences"]
        return len(listed) == SEQUENCES and all(it["state"] == "ready" for it in listed)

    def test_they_are_served_across_a_kill_and_a_reboot(self):
        self.open_all()
        self.take()
        ring = [os.stat(self.host.runtime_dir / name) for name in ("ring", "tickets")]
        self.assertLessEqual(sum(file.st_blocks for file in ring) * 512 / SEQUENCES, 4096)
        self.assertEqual(len(self.host.ctl("list").splitlines()), 1 + SEQUENCES)

        eventually(self, self.all_ready, 120)  # no block is under way, which a kill would lose
        self.host.kill()
        self.host.start()
        self.take()
        self.check_ids()
        eventually(self, self.all_ready, 120)
        for number in (0, SEQUENCES // 2, SEQUENCES - 1):
            self.host.assert_accounted(f"s-{number}")
        self.assertLessEqual(threads_of(self.host.process.pid), 8)
        resident = memory_of(self.host.process.pid)["resident"]  # KiB; at rest it is half of that
        self.assertLess(resident, (40 + SEQUENCES // 250) * 1024)

        self.host.stop()
        for name in ("ring", "tickets"):  # as if the machine had been started anew
            (self.host.runtime_dir / name).unlink()
        self.host.start()
        eventually(self, self.all_ready, 120)  # nobody asked for them
        self.assertGreater(self.host.next("s-0")[0], max(self.ids[0]))
        about = self.host.assert_accounted(f"s-{SEQUENCES - 1}")
        self.assertGreater(about["lost_total"]["burnt_ring"], 0)  # what lay in the ring
        self.assertGreater(about["next_id"], max(self.ids[-1]))


if __name__ == "__main__":
    unittest.main()
