"""The log: one line for each event that matters, not for ten thousand, with fields in the journal."""

import os
import re
import socket
import unittest

import cluster
from fake_elasticsearch import FakeElasticsearch, error_reply
from instance import Instance, eventually
from small_disk import host_with_a_full_journal

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (\w+): (.*)")


def lines_of(host):
    """[(level, message)]; each line of it must be one of the sidecar's own."""
    whole = host.log_path.read_text(errors="replace")
    return [LINE.fullmatch(line).groups() for line in whole.split("\n")[:-1]]


def said(host, pattern):
    return [(level, message) for level, message in lines_of(host) if re.search(pattern, message)]


def lose_state(host):
    for file in host.state_dir.iterdir():
        file.unlink()


class Journal:
    """journald's socket, at the place where a sidecar finds it; standard error leads to it too."""

    def __init__(self, host):
        directory = host.disk / "journal"
        directory.mkdir()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        host.case.addCleanup(self.socket.close)
        self.socket.bind(str(directory / "socket"))
        self.socket.setblocking(False)
        self.kept = []
        host.log_path.touch()
        stream = os.stat(host.log_path)
        host.environment["JOURNAL_STREAM"] = f"{stream.st_dev}:{stream.st_ino}"
        self.command = host.command
        self.mounts = ("mount -t tmpfs none /run && mkdir -p /run/systemd/journal && "
                       f"mount --bind {directory} /run/systemd/journal")
        host.command = self.command_in_namespace

    def command_in_namespace(self, **directories):
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                self.mounts + ' && exec "$@"', "sh", *self.command(**directories)]

    def entries(self):
        while True:
            try:
                datagram = self.socket.recv(1 << 20).decode()
            except BlockingIOError:
                return self.kept
            # A value that holds a line break would come in another form, without "=".
            self.kept.append(dict(line.split("=", 1) for line in datagram.splitlines()))

    def of(self, kind):
        return [entry for entry in self.entries() if entry.get("ESSEQUENCE_EVENT") == kind]


@unittest.skipUnless(os.geteuid() == 0, "a place of its own for the journal takes root")
class InTheJournal(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self)
        self.journal = Journal(self.host)

    def test_fields(self):
        self.host.start()
        self.host.next("orders", 3)
        self.host.ctl("reset", "orders")
        change = eventually(self, lambda: [entry for entry in self.journal.of("change")
                                           if "reset" in entry["REQUEST"]])[0]
        self.assertEqual(change["REQUEST"], "POST /v1/sequences/orders/reset")
        self.assertEqual(change["SEQUENCE"], "orders")
        self.assertEqual((change["PEER_UID"], change["STATUS"], change["PRIORITY"]),
                         (str(os.geteuid()), "200", "6"))
        self.assertRegex(change["MESSAGE"], r"^POST \S+ by uid \d+, pid \d+: 200 ?$")
        self.assertTrue(int(change["PEER_PID"]) > 0)
        for entry in self.journal.entries():
            self.assertEqual(entry["SYSLOG_IDENTIFIER"], "essequenced")
            self.assertNotIn("CODE_FILE", entry)
        self.assertEqual(self.host.log_path.read_text(), "")

        self.host.stop()
        lose_state(self.host)
        self.host.start()
        fenced = eventually(self, lambda: self.journal.of("fenced"))[0]
        self.assertEqual((fenced["SEQUENCE"], fenced["PRIORITY"]), ("orders", "3"))
        self.assertIn("document is gone", fenced["CAUSE"])
        self.assertIn(f"unfence orders --above {fenced['HIGH_WATER']}", fenced["MESSAGE"])

    def test_a_journal_that_is_away_leaves_the_stream(self):
        self.journal.socket.close()
        self.host.start()
        self.assertRegex(self.host.log(), r"(?m)^<6>essequenced \S+ serves ")


class OnStandardError(unittest.TestCase):
    def test_not_the_journal_that_somebody_else_has(self):
        host = Instance(self)
        host.environment["JOURNAL_STREAM"] = "1:2"  # inherited, and led elsewhere since
        host.start()
        self.assertEqual([level for level, _ in lines_of(host)], ["info"])

    def test_ten_thousand_fences_are_no_flood(self):
        """A hundred, which takes less time."""
        host = Instance(self).start()
        for number in range(100):
            host.open(f"s{number}")
        self.assertEqual(len(said(host, "^PUT .* 201")), 100)  # who changed what is always told
        host.stop()
        lose_state(host)
        host.start()
        states = lambda: [about["state"] for about in  # noqa: E731
                          host.expect(200, "GET", "/v1/sequences")["sequences"]]
        eventually(self, lambda: states() == ["fenced"] * 100)
        host.stop()
        fenced = said(host, r"Stopped\. To go on: essequencectl unfence s\d+ --above \d+")
        self.assertEqual((len(fenced), {level for level, _ in fenced}), (20, {"error"}))
        self.assertEqual(said(host, "of the kind fenced"), [(
            "warning", "80 more events of the kind fenced were kept back, after the first 20 of a "
            "minute")])

    def test_what_others_say_begins_no_line(self):
        server = FakeElasticsearch(self, error_reply(
            500, "hostile", r"down\n2026-01-01T00:00:00.000+00:00 error: forged\u001b[31m\u009b"))
        host = Instance(self, server.url, "essequence").start()
        eventually(self, lambda: said(host, "down 2026-01-01"))
        for character in "\x1b\x9b":
            self.assertNotIn(character, host.log())

    def test_a_source_that_is_lost_and_comes_back(self):
        host = Instance(self, cluster.url(), cluster.fresh_index(self)).start()
        host.next("orders")
        cluster.request("POST", f"/{host.index}/_close")
        eventually(self, lambda: said(host, "^polling the source: .*closed"))
        eventually(self, lambda: not host.source()["healthy"])
        cluster.request("POST", f"/{host.index}/_open")
        eventually(self, lambda: said(host, "^the source answers again"))
        self.assertEqual(len(said(host, "^polling the source")), 1)
        self.assertEqual(said(host, "Stopped"), [])

    def test_a_source_that_takes_no_writes(self):
        host = Instance(self, cluster.url(), cluster.fresh_index(self)).start()
        host.next("orders")
        cluster.request("PUT", f"/{host.index}/_settings", {"index.blocks.read_only": True})
        host.ctl("next", "orders", "-n", 1_000_000, "--timeout", 1, status=5)
        eventually(self, lambda: said(host, '^sequence "orders": no refill: .*read-only'))
        self.assertEqual(len(said(host, '^sequence "orders": no refill: .*read-only')), 1)
        cluster.request("PUT", f"/{host.index}/_settings", {"index.blocks.read_only": None})
        eventually(self, lambda: said(host, '^sequence "orders": refilled again'))

    @unittest.skipUnless(os.geteuid() == 0, "a small disk takes root")
    def test_a_journal_that_is_lost_and_comes_back(self):
        host, disk = host_with_a_full_journal(self)
        told = eventually(self, lambda: said(host, "No block is published that is not"))
        self.assertEqual([level for level, _ in told], ["error"])
        disk.free()
        eventually(self, lambda: said(host, "^the journal can be written again"))
        eventually(self, lambda: said(host, '^sequence "orders": refilled again'))

    def test_an_end(self):
        host = Instance(self).start()
        host.open("few", max=20)
        host.next("few", 20)
        eventually(self, lambda: said(host, '^sequence "few" has no id left .* max is 20'))


if __name__ == "__main__":
    unittest.main()
