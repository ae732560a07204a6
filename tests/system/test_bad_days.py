"""What befalls an Elasticsearch in its life, with three hosts on it: one that was granted a few ids
long ago and is idle, and two that went on. Restored, deleted, moved: all three stop, the cause and
the way out are told, and nothing below the largest mark of the three is granted again. Refused
writes: none stops for good.
"""

import os
import re
import shlex
import tempfile
import time
import unittest

import cluster
from elasticsearch_node import ElasticsearchNode
from instance import ROOT, Instance, eventually

CONFIG = {"elasticsearch": {"epoch_poll": "300ms"}, "defaults": {"cover": "1s"}}


def expect(case, status, method, path, body=None):
    got, reply = cluster.request(method, path, body)
    case.assertEqual(got, status, reply)
    return reply


class ThreeHosts(unittest.TestCase):
    def setUp(self):
        self.index = cluster.fresh_index(self)
        self.taken = []

    def begin(self, *also):
        """Starts the hosts; each takes an id of orders, and opens what else is named."""
        self.hosts = [Instance(self, cluster.url(), self.index, CONFIG).start() for _ in range(3)]
        self.idle, self.busy, self.foremost = self.hosts
        for host in self.hosts:
            self.take(host)
            for name in also:
                host.open(name)
            eventually(self, lambda: host.show("orders")["state"] == "ready")
        time.sleep(1)  # three polls: they have seen all this, and have no reason to look again

    def take(self, host, count=1):
        """Ids that no host has had before."""
        ids = host.next("orders", count)
        self.assertFalse(set(ids) & set(self.taken))
        self.taken += ids
        return ids

    def go_on(self):
        """The hosts that are not idle go far ahead of the one that is, one ahead of the other."""
        while not self.mark(self.idle) + 500 < self.mark(self.busy) < self.mark(self.foremost):
            for host in (self.busy, self.foremost):
                self.take(host, 500)
                eventually(self, lambda: host.show("orders")["state"] == "ready")

    def mark(self, host):
        return host.show("orders")["high_water"]

    def largest_mark(self):
        return max(map(self.mark, self.hosts))

    def document(self):
        status, source = cluster.document(self.index, "orders")
        self.assertEqual(status, 200)
        return source

    def fenced(self, host, *words):
        """Waits for the fence; what the operator reads then."""
        eventually(self, lambda: host.show("orders")["state"] == "fenced")
        detail = host.show("orders")["detail"]
        for word in ('sequence "orders"', *words):
            self.assertRegex(detail, word)
        host.ctl("next", "orders", "--timeout", 1, status=1)
        return detail

    def type_command_in(self, host, detail, above=None):
        """Types what the message says, with a number of one's own where it is given. Too early is
        another test's business."""
        command = re.search(r"essequencectl (unfence \S+ --above \d+)", detail)
        self.assertTrue(command, detail)
        words = shlex.split(command[1])
        words[-1] = str(above or words[-1])
        eventually(self, lambda: host.ctl(*words, status=(0, 1)) is not None and
                   host.show("orders")["state"] != "fenced")

    def all_go_on_above(self, mark):
        for host in self.hosts:
            # Who was not fenced follows with its next poll.
            eventually(self, lambda: host.show("orders")["state"] == "ready" and
                       host.show("orders")["next_id"] > mark)
            self.assertGreater(min(self.take(host, 30)), mark)
            host.assert_accounted("orders")


class WentBack(ThreeHosts):
    """The document is there, and is an older one: it carries the fence to all hosts."""

    def snapshot(self):
        self.repository = f"{self.index}-snapshots"
        node = cluster.node()
        if node is None:
            self.skipTest("ESSEQUENCE_TEST_ELASTICSEARCH is not ours to restore")
        expect(self, 200, "PUT", f"/_snapshot/{self.repository}",
               {"type": "fs", "settings": {"location": self.repository}})
        self.addCleanup(cluster.request, "DELETE", f"/_snapshot/{self.repository}")
        expect(self, 200, "PUT", f"/_snapshot/{self.repository}/one?wait_for_completion=true",
               {"indices": self.index})

    def restore(self):
        expect(self, 200, "POST",
               f"/_snapshot/{self.repository}/one/_restore?wait_for_completion=true",
               {"indices": self.index, "include_aliases": True})

    def stop_and_go_on(self):
        """All three are fenced, and one command, with the number it came with, is enough."""
        largest = self.largest_mark()
        for host in (self.busy, self.foremost):
            detail = self.fenced(host)
            self.assertIn(f"--above {self.mark(host)} ", detail)
        idle = self.fenced(self.idle, f'fenced in Elasticsearch index "{self.index}"')
        eventually(self, lambda: self.document()["fenced"] and
                   self.document()["floor"] >= largest)
        self.type_command_in(self.idle, idle)
        self.all_go_on_above(largest)

    def test_snapshot_restored_into_the_closed_index(self):
        self.begin()
        self.snapshot()
        self.go_on()
        expect(self, 200, "POST", f"/{self.index}/_close")
        eventually(self, lambda: "closed" in self.idle.source()["detail"])
        for host in self.hosts:
            self.assertNotEqual(host.show("orders")["state"], "fenced")
        self.restore()
        self.stop_and_go_on()
        self.assertRegex(self.busy.log() + self.foremost.log(), r"holds iid \d+, but this host was "
                         r"granted up to \d+ \(restored snapshot\?\)")

    def test_snapshot_restored_after_a_delete(self):
        self.begin()
        self.snapshot()
        self.go_on()
        cluster.delete_index(self.index)
        self.fenced(self.busy, "gone")
        self.restore()
        largest = self.largest_mark()
        eventually(self, lambda: self.document()["fenced"] and self.document()["floor"] >= largest)
        for host in self.hosts:
            self.fenced(host)
        self.type_command_in(self.busy, self.fenced(self.busy))
        self.all_go_on_above(largest)

    def test_the_run_book_of_a_restore(self):
        """The README's, step by step, with its own commands."""
        text = (ROOT / "README.md").read_text()
        chapter = text[text.index("**After a restore**"):].partition("\n\n")[0]
        steps = [re.findall(r"`essequencectl ([^`]*)`", step) for step in chapter.split("\n")]
        listing, unfence, above = (command for step in steps for command in step)
        self.begin("invoices")
        self.snapshot()
        self.go_on()
        in_use = 1_000_000  # of invoices, says who has their ids; no host has

        for host in self.hosts:
            self.assertRegex(host.ctl(*listing.split()), rf"(?s)HIGH-WATER.*orders .* {self.mark(host)} ")
        largest = self.largest_mark()
        for host in self.hosts:
            host.stop()
        self.taken += self.busy.next("orders", 3)  # from the ring

        cluster.delete_index(self.index)
        self.restore()
        self.foremost.start()
        self.fenced(self.foremost)
        self.assertEqual(self.foremost.show("invoices")["state"], "ready")

        orders, invoices = (command.replace("N", str(n)) for command, n in
                            ((unfence, largest), (above.replace("orders", "invoices"), in_use)))
        eventually(self, lambda: self.foremost.ctl(*orders.split(), status=(0, 1)) is not None and
                   self.foremost.show("orders")["state"] != "fenced")
        self.foremost.ctl(*invoices.split())

        for host in (self.idle, self.busy):
            host.start()
        # Until they have seen the floor, they go on with what their rings hold.
        for host in self.hosts:
            eventually(self, lambda: self.take(host)[0] > largest)
            self.assertNotEqual(host.show("orders")["state"], "fenced")
            eventually(self, lambda: host.next("invoices")[0] > in_use)
            host.assert_accounted("orders")

    def test_another_host_made_the_index_anew(self):
        self.begin()
        self.go_on()
        cluster.delete_index(self.index)
        self.fenced(self.foremost)
        stranger = Instance(self, cluster.url(), self.index, CONFIG).start()
        stranger.open("orders")
        self.fenced(stranger, "fenced in")
        largest = self.largest_mark()
        eventually(self, lambda: self.document()["floor"] >= largest)
        self.type_command_in(self.idle, self.fenced(self.idle))
        self.hosts.append(stranger)
        self.all_go_on_above(largest)


class Gone(ThreeHosts):
    """No document carries the fence: each host that looks for it stops by itself, and the operator
    has to choose the number."""

    def choose_too_small_a_number_and_then_a_large_enough_one(self):
        largest = self.largest_mark()
        self.assertGreater(largest, self.mark(self.busy))
        detail = self.fenced(self.foremost, f"--above {largest} ", f"this host's is {largest}")
        for host in (self.idle, self.busy):
            self.fenced(host)
        # Enough for two of them. The third one keeps its fence and puts it into the document.
        self.type_command_in(self.idle, self.fenced(self.idle), self.mark(self.busy))
        eventually(self, lambda: self.document()["fenced"] and self.document()["floor"] >= largest)
        self.assertEqual(self.fenced(self.foremost), detail)
        for host in (self.idle, self.busy):
            self.fenced(host)
        self.type_command_in(self.foremost, detail)
        self.all_go_on_above(largest)

    def test_document_deleted(self):
        self.begin()
        self.go_on()
        expect(self, 200, "DELETE", f"/{self.index}/_doc/orders")
        for host in self.hosts:  # each looks when it needs a block, or before
            while host.show("orders")["state"] != "fenced":
                self.taken += map(int, host.ctl("next", "orders", "-n", 100, "--timeout", 1,
                                                status=(0, 1)).split())
        self.choose_too_small_a_number_and_then_a_large_enough_one()

    def test_index_deleted(self):
        self.begin()
        self.go_on()
        cluster.delete_index(self.index)
        self.choose_too_small_a_number_and_then_a_large_enough_one()


class Elsewhere(ThreeHosts):
    """The sequence is somewhere else than this host was granted its ids."""

    def move_alias(self, old, new):
        expect(self, 200, "POST", "/_aliases",
               {"actions": [{"remove": {"index": old, "alias": self.index}},
                            {"add": {"index": new, "alias": self.index}}]})

    def begin_behind_an_alias(self):
        self.old, self.new = f"{self.index}-000001", f"{self.index}-000002"
        for index in (self.old, self.new):
            self.addCleanup(cluster.delete_index, index)
            expect(self, 200, "PUT", f"/{index}")
        expect(self, 200, "POST", "/_aliases",
               {"actions": [{"add": {"index": self.old, "alias": self.index}}]})
        self.begin()
        self.go_on()

    def test_alias_moved_to_a_copy(self):
        self.begin_behind_an_alias()
        for name in ("_essequence", "orders"):
            expect(self, 201, "PUT", f"/{self.new}/_doc/{name}", cluster.document(self.old, name)[1])
        self.move_alias(self.old, self.new)
        largest = self.largest_mark()
        for host in self.hosts:
            self.fenced(host)
        self.assertRegex("".join(host.log() for host in self.hosts),
                         rf'in Elasticsearch index "{self.new}" now, but this host was granted ids of '
                         rf'Elasticsearch index "{self.old}" \(alias moved\?\)')
        eventually(self, lambda: self.document()["floor"] >= largest)
        self.type_command_in(self.idle, self.fenced(self.idle))
        self.all_go_on_above(largest)
        self.assertIn(self.old, self.document()["replaces"])

    def test_alias_moved_to_an_empty_index(self):
        self.begin_behind_an_alias()
        self.move_alias(self.old, self.new)
        largest = self.largest_mark()
        for host in self.hosts:
            self.fenced(host, "gone")
        self.type_command_in(self.idle, self.fenced(self.idle), largest)
        self.all_go_on_above(largest)

    def restart(self, host, *replacement):
        """With another configuration."""
        host.stop()
        text = host.config_path.read_text()
        self.assertIn(replacement[0], text)
        host.config_path.write_text(text.replace(*replacement))
        host.start()

    def check_host_that_went_astray(self, *replacement):
        self.begin()
        self.go_on()
        mark, origin = self.mark(self.busy), self.document()["origin"]
        self.restart(self.busy, *replacement)
        detail = self.fenced(self.busy, f"granted ids of origin {origin}", "another cluster")
        self.assertIn(f"--above {mark} ", detail)
        # Back where it belongs it is fenced as before, and unfencing it is enough.
        self.restart(self.busy, *reversed(replacement))
        self.type_command_in(self.busy, self.fenced(self.busy))
        self.all_go_on_above(mark)

    def test_another_index_than_yesterday(self):
        other = cluster.fresh_index(self)
        stranger = Instance(self, cluster.url(), other, CONFIG).start()
        stranger.next("orders")
        self.check_host_that_went_astray(f'"{self.index}"', f'"{other}"')

    def test_another_cluster_than_yesterday(self):
        if "ESSEQUENCE_TEST_FULL" not in os.environ:
            self.skipTest("starts a second node: only in tests/run --full")
        node = ElasticsearchNode(tempfile.mkdtemp(prefix="essequence-node."))
        self.addCleanup(node.remove)
        node.start()
        stranger = Instance(self, node.url, self.index, CONFIG).start()
        stranger.next("orders")
        self.check_host_that_went_astray(cluster.url(), node.url)


class RefusesWrites(ThreeHosts):
    def refuse(self, setting, words, seconds):
        """The cause is told and nobody is fenced; the block gone, all go on by themselves."""
        self.begin()
        self.go_on()
        expect(self, 200, "PUT", f"/{self.index}/_settings", {f"index.blocks.{setting}": True})
        while self.busy.ctl("next", "orders", "-n", 100, "--timeout", 1, status=(0, 5)):
            pass
        about = eventually(self, lambda: not self.busy.source()["healthy"] and
                           self.busy.show("orders"))
        self.assertEqual(about["state"], "starved")
        for word in ('updating "orders"', self.index, words):
            self.assertIn(word, about["detail"])
        for _ in range(20):  # reads work, and do not hide it
            self.assertIn(words, self.busy.source()["detail"])
            time.sleep(0.05)
        self.busy.expect(503, "POST", "/v1/sequences/orders/reset")
        for host in self.hosts:
            self.assertNotEqual(host.show("orders")["state"], "fenced")
        expect(self, 200, "PUT", f"/{self.index}/_settings", {f"index.blocks.{setting}": None})
        eventually(self, lambda: self.busy.show("orders")["state"] == "ready", seconds)
        for host in self.hosts:
            self.assertTrue(self.busy.source()["healthy"])
            host.assert_accounted("orders")

    def test_write_block(self):
        self.refuse("write", "refuses writes", 30)

    def test_flood_stage(self):
        if "ESSEQUENCE_TEST_FULL" not in os.environ:
            self.skipTest("waits as long as the sidecar does for a full disk: only in tests/run --full")
        self.refuse("read_only_allow_delete", "the disk of Elasticsearch is full", 90)


class WrongMapping(unittest.TestCase):
    """An index that somebody made by hand."""

    def host_on(self, mappings):
        self.index = cluster.fresh_index(self)
        expect(self, 200, "PUT", f"/{self.index}", {"mappings": mappings})
        return Instance(self, cluster.url(), self.index, CONFIG).start()

    def test_counter_that_outgrows_its_field(self):
        host = self.host_on({"properties": {"iid": {"type": "integer"}}})
        first = 2**31 - 15
        host.open("orders", start=first)
        self.assertEqual(host.next("orders", 10), list(range(first, first + 10)))
        host.ctl("next", "orders", "-n", 100, "--timeout", 1, status=5)
        detail = host.show("orders")["detail"]
        self.assertRegex(detail, r"failed to parse.*iid.*type.*integer.*provision")
        self.assertLess(cluster.document(self.index, "orders")[1]["iid"], 2**31)
        self.assertEqual(sum(host.assert_accounted("orders")["lost_total"].values()), 0)

    def test_strict_mapping_that_lacks_a_field(self):
        host = self.host_on({"dynamic": "strict", "properties": {
            "name": {"type": "keyword"}, "iid": {"type": "long"}}})
        status, reply = host.request("PUT", "/v1/sequences/orders", {})
        self.assertEqual(status, 503)
        self.assertRegex(reply["error"]["reason"], "strict.*not allowed.*provision")
        self.assertRegex(host.source()["detail"], "strict.*not allowed.*provision")
        host.ctl("next", "orders", "--timeout", 1, status=5)

    def test_documents_are_not_kept(self):
        host = self.host_on({"_source": {"enabled": False}})
        status, reply = host.request("PUT", "/v1/sequences/orders", {})
        self.assertEqual(status, 503)
        self.assertIn("_source", reply["error"]["reason"])
        host.ctl("next", "orders", "--timeout", 1, status=5)

    def test_counter_of_another_type_is_kept_as_it_was_written(self):
        for kind in ("keyword", "double", "float"):
            with self.subTest(kind):
                host = self.host_on({"properties": {"iid": {"type": kind}}})
                host.open("orders", start=2**53 + 1)
                self.assertEqual(host.next("orders", 30),
                                 list(range(2**53 + 1, 2**53 + 31)))


if __name__ == "__main__":
    unittest.main()
