"""What systemd is told, on a socket as it has one: NOTIFY_SOCKET, and WATCHDOG_USEC."""

import os
import signal
import socket
import time
import unittest

from fake_elasticsearch import FakeElasticsearch, error_reply
from instance import Instance, eventually

WATCHDOG = 1.0  # seconds


class ServiceManager:
    """Collects notices."""

    def __init__(self, host):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        host.case.addCleanup(self.socket.close)
        self.socket.bind(str(host.disk / "notify"))
        self.socket.setblocking(False)
        self.told = []
        host.environment = {"NOTIFY_SOCKET": str(host.disk / "notify"),
                            "WATCHDOG_USEC": str(int(WATCHDOG * 1e6))}

    def texts(self):
        while True:
            try:
                self.told.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return self.told

    def count(self, text):
        return self.texts().count(text)

    def last_status(self):
        lines = [text for text in self.texts() if text.startswith("STATUS=")]
        return lines[-1] if lines else ""

    def forget(self):
        self.texts()
        self.told = []


class Notices(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self)
        self.manager = ServiceManager(self.host)
        self.host.start()

    def reloads(self):
        """The notices of one reload, in their order."""
        eventually(self, lambda: self.manager.count("READY=1"))
        texts = [text for text in self.manager.texts()
                 if not text.startswith(("STATUS=", "WATCHDOG=1"))]
        self.manager.forget()
        return texts

    def test_it_is_ready_and_fed_and_stops(self):
        self.assertEqual(self.manager.count("READY=1"), 1)
        eventually(self, lambda: self.manager.count("WATCHDOG=1") >= 3)
        self.assertNotIn("STOPPING=1", self.manager.texts())
        self.host.stop()
        self.assertEqual(self.manager.texts()[-1], "STOPPING=1")

    def test_the_status_line(self):
        self.host.open("orders")
        self.host.open("users")
        eventually(self, lambda: self.manager.last_status() ==
                   "STATUS=2 sequences; local is healthy")
        self.host.stop()
        for file in self.host.state_dir.iterdir():
            file.unlink()
        self.host.start()
        eventually(self, lambda: self.manager.last_status().endswith("; 2 fenced: orders, ..."))
        self.assertTrue(self.manager.last_status().startswith(
            "STATUS=2 sequences; local is unhealthy: "))

    def test_a_reload(self):
        self.manager.forget()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.host.process.send_signal(signal.SIGHUP)
        reloading, ready = self.reloads()
        self.assertEqual(ready, "READY=1")
        first, moment = reloading.split("\nMONOTONIC_USEC=")
        self.assertEqual(first, "RELOADING=1")
        self.assertGreaterEqual(int(moment), before)

        self.assertEqual(self.host.request("POST", "/v1/reload")[0], 200)
        self.assertEqual(len(self.reloads()), 2)

    def test_a_reload_of_a_broken_file_ends_too(self):
        self.manager.forget()
        self.host.config_path.write_text("souce = 1\n")
        self.host.process.send_signal(signal.SIGHUP)
        reloading, ready = self.reloads()
        self.assertTrue(reloading.startswith("RELOADING=1\n"))
        self.assertEqual(ready, "READY=1")
        eventually(self, lambda: "unknown key souce" in self.host.log())
        self.assertEqual(self.host.next("orders"), [1])

    def test_a_loop_that_hangs_is_not_fed(self):
        """The configuration is a pipe that nobody writes to: the loop hangs reading it, and all
        other threads live."""
        sound = self.host.config_path.read_text()
        self.host.config_path.unlink()
        os.mkfifo(self.host.config_path)
        self.host.process.send_signal(signal.SIGHUP)
        eventually(self, lambda: any(text.startswith("RELOADING=1")
                                     for text in self.manager.texts()))
        self.manager.forget()
        time.sleep(2 * WATCHDOG)
        self.assertEqual(self.manager.texts(), [])
        self.assertTrue(self.host.alive())
        self.host.config_path.write_text(sound)
        eventually(self, lambda: self.manager.count("WATCHDOG=1"))
        self.assertEqual(self.manager.count("READY=1"), 1)


class TextOfOthers(unittest.TestCase):
    def test_what_the_source_says_is_no_notice(self):
        """A cluster whose error holds a line break and a notice of its own."""
        server = FakeElasticsearch(
            self, error_reply(500, "hostile", r"down\nREADY=1\nSTOPPING=1\u001b[31m\u009b"))
        host = Instance(self, server.url, "essequence")
        manager = ServiceManager(host)
        host.start()
        eventually(self, lambda: "down READY=1" in manager.last_status())
        for text in manager.texts():
            for character in "\n\x1b\x9b":
                self.assertNotIn(character, text)


if __name__ == "__main__":
    unittest.main()
