"""The control socket and the read-only address under attack: whatever others do to them, takes and
refills go on, the memory stays bounded, and who comes with an honest request gets an answer.

ESSEQUENCE_TEST_FULL=1: longer.
"""

import contextlib
import http.client
import multiprocessing
import os
import pwd
import re
import resource
import socket
import struct
import time
import unittest

from elasticsearch_node import free_port
from host_processes import memory_of
from instance import ROOT, Instance, eventually

FULL = os.environ.get("ESSEQUENCE_TEST_FULL") == "1"
ROUNDS = 500 if FULL else 12  # of honest requests
CROWD = 10_000 if FULL else 2_000
GET = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
MOST_MEMORY = 150 * 1024  # KiB, whatever comes; it rests at a tenth of it


def connected(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    made = socket.socket(family)
    # Not settimeout: a connect to a Unix socket would not wait for room in the backlog.
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        made.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 60, 0))
    try:
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made


# Each is done a hundred times a second by a process of its own until it is killed. (Many more would
# only leave the sidecar no processor.)

def say_nothing(address, held):
    held.append(connected(address))


def dribble(address, held):
    """A byte now and then, of a header that never ends."""
    held.append(connected(address))
    held[-1].sendall(b"GET / HTTP/1.1\r\nX: ")
    for connection in held[-20:]:
        with contextlib.suppress(OSError):
            connection.sendall(b"x")


def read_nothing(address, held):
    """Asks for the largest replies that there are."""
    held.append(connected(address))
    held[-1].sendall(b"GET /v1/sequences HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)


def ask_for_much_work(address, held):
    """Rows of all sequences, in different orders, so that no reply serves two."""
    held.append(connected(address))
    for order in (b"name", b"-name", b"rate", b"cover", b"ready") * 20:
        held[-1].sendall(b"GET /v1/overview?limit=500&sort=" + order +
                         b" HTTP/1.1\r\nHost: localhost\r\n\r\n")


def pipeline(address, held):
    with connected(address) as connection:
        connection.sendall(GET * 1000)
        connection.recv(65536)


def send_much(address, held):
    for start in (b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n",
                  b"PUT /v1/sequences/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"):
        with connected(address) as connection:
            connection.sendall(start)
            connection.sendall(b"x" * 1_000_000)


def send_garbage(address, held):
    with connected(address) as connection:
        connection.sendall(os.urandom(2000) + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)


def reset(address, held):
    """Goes in the middle, of the request and of the reply."""
    for request in (GET[:20], GET, GET * 3):
        with connected(address) as connection:
            connection.sendall(request)
            if not isinstance(address, str):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


ATTACKS = [say_nothing, dribble, read_nothing, ask_for_much_work, pipeline, send_much, send_garbage,
           reset]


def keep_on(attack, address, uid, gid, parent):
    if uid is not None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    held = []
    while os.getppid() == parent:  # a killed one calls nobody off
        with contextlib.suppress(OSError):
            attack(address, held)
        del held[:-2000]
        time.sleep(0.01)


class Attack(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.host = Instance(self, config={"": {"listen": f"127.0.0.1:{self.port}"},
                                           "defaults": {"cover": "4s"}}).start()
        self.path = str(self.host.runtime_dir / "control.sock")
        self.addresses = [self.path, ("127.0.0.1", self.port)]
        for name in ["orders"] + [f"s-{i}-{'x' * 200}" for i in range(200)]:
            self.host.open(name)
        self.attackers = []
        self.addCleanup(self.call_off)

    def attack(self, what, address, uid=None, gid=None):
        process = multiprocessing.get_context("fork").Process(
            target=keep_on, args=(what, address, uid, gid, os.getpid()), daemon=True)
        process.start()
        self.attackers.append(process)

    def call_off(self):
        for process in self.attackers:
            process.kill()
            process.join()
            process.close()
        self.attackers.clear()

    def ask(self, address, request=GET):
        """The status line's number of the reply to an honest request."""
        with connected(address) as connection:
            connection.sendall(request)
            reply = connection.recv(65536)
        return int(reply.split(b" ")[1])

    def stays_well(self, rounds):
        """Honest clients are answered, and the memory stays bounded."""
        most = 0
        for _ in range(rounds):
            for address in self.addresses:
                self.assertEqual(self.ask(address), 200, f"by {address}")
            most = max(most, memory_of(self.host.process.pid)["resident"])
        self.assertLess(most, MOST_MEMORY)

    @contextlib.contextmanager
    def served_meanwhile(self, most_stalls=0):
        """Takes ids all the while: none of the takes may fail, blocks come, and the ring is not empty
        once it has become full."""
        taker = self.host.taker("orders", seconds=600, rate=2000)
        eventually(self, lambda: self.host.show("orders")["ready_ids"] > 2000)
        before = self.host.show("orders")
        yield
        eventually(self, lambda: self.host.show("orders")["refills_total"] > before["refills_total"])
        self.call_off()
        stalls = self.host.show("orders")["stalls_total"] - before["stalls_total"]
        self.assertLessEqual(stalls, most_stalls)
        summary = taker.finish()
        self.assertEqual((summary["timeouts"], summary["unavailable"], summary["errors"]),
                         (0, 0, 0), summary)
        self.host.assert_accounted("orders")

    def test_each_attack_alone(self):
        with self.served_meanwhile():
            for what in ATTACKS:
                with self.subTest(what.__name__):
                    for address in self.addresses:
                        self.attack(what, address)
                    self.stays_well(ROUNDS // 4)
                    self.call_off()

    def test_all_attacks_at_once(self):
        with self.served_meanwhile():
            for address in self.addresses:
                for what in ATTACKS:
                    self.attack(what, address)
            self.stays_well(ROUNDS)
        # What was held is given back, all of it.
        files = f"/proc/{self.host.process.pid}/fd"
        eventually(self, lambda: len(os.listdir(files)) < 64)

    def test_a_crowd(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < CROWD + 1000:
            self.skipTest(f"a process may have {hard} descriptors here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for address in self.addresses:
            with self.served_meanwhile(), contextlib.ExitStack() as crowd:
                for number in range(CROWD):
                    connection = crowd.enter_context(connected(address))
                    if number % 3 == 0:
                        with contextlib.suppress(OSError):  # let go already
                            connection.sendall(GET[:30])
                    if number % 500 == 0:
                        self.assertEqual(self.ask(address), 200)
                self.assertEqual(self.ask(address), 200)
                files = len(os.listdir(f"/proc/{self.host.process.pid}/fd"))
                self.assertLess(files, 700)
        self.assertLess(memory_of(self.host.process.pid)["resident"], MOST_MEMORY)

    def test_a_member_of_the_group_does_not_lock_out_the_administrator(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to be another user")
        nobody, group = pwd.getpwnam("nobody").pw_uid, os.stat(self.host.runtime_dir).st_gid
        with self.served_meanwhile(most_stalls=1):  # for the raise
            for what in ATTACKS:
                self.attack(what, self.path, nobody, group)
            self.stays_well(ROUNDS)
            for _ in range(ROUNDS // 2):
                self.host.ctl("show", "orders")
            self.host.expect(200, "POST", "/v1/sequences/orders/raise", {"above": 1_000_000})

    def test_out_of_descriptors(self):
        """Fewer than there are seats: those who rest are let go, and the loop does not spin."""
        pid = self.host.process.pid
        files = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (files + 20, files + 20))
        for address in self.addresses:
            with contextlib.ExitStack() as crowd:
                for _ in range(100):
                    crowd.enter_context(connected(address))
                self.assertEqual(self.ask(address), 200)
        told = self.host.log().count("Too many open files")
        self.assertIn(told, range(1, 11))  # once for each time that it begins, not for each of 200
        self.assertEqual(self.host.next("orders", 10), list(range(1, 11)))

    def test_nothing_on_the_address_changes_anything(self):
        """Each method on each path that is in the table of routes, or could be."""
        routes = (ROOT / "sidecar/control/routes.cpp").read_text()
        paths = set(re.findall(r'{"[A-Z]+", "(/[^"]*)", Right::', routes))
        self.assertGreater(len(paths), 12)
        self.host.next("orders", 5)
        before = self.host.show("orders")
        for path in sorted(paths):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
                with self.subTest(f"{method} {path}"):
                    target = path.replace("*", "orders")
                    target += "?id=1" if target.endswith("/blocks") else ""
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                    self.addCleanup(connection.close)
                    connection.request(method, target, b'{"above":1000}' if method[0] == "P" else None,
                                       {"Origin": "http://evil.example"})
                    reply = connection.getresponse()
                    reply.read()
                    if method in ("GET", "HEAD"):
                        self.assertIn(reply.status, (200, 405))
                    else:
                        self.assertEqual(reply.status, 403)
                    self.assertNotRegex(str(reply.headers).lower(), "access-control-")
                    self.assertEqual(reply.headers["Cache-Control"], "no-store")
        after = self.host.show("orders")
        for changes in ("cover_seconds", "rate_per_second", "block_size", "granted_total", "state",
                        "ready_ids", "refills_total", "refill_seconds", "high_water", "detail"):
            before.pop(changes), after.pop(changes)
        self.assertEqual(before, after)
        self.assertEqual(self.host.next("orders"), [6])

    def test_a_foreign_host_is_refused_wherever_the_address_is_bound(self):
        port = free_port()
        host = Instance(self, config={"": {"listen": f"0.0.0.0:{port}"}}).start()
        for name, status in (("localhost", 200), ("127.0.0.1:1", 200), ("evil.example", 403)):
            request = f"GET /v1/status HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
            self.assertEqual(self.ask(("127.0.0.1", port), request), status, name)
        host.stop()


if __name__ == "__main__":
    unittest.main()
