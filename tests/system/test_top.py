"""essequencectl top: what shared memory shows, with a sidecar and without one."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import unittest

from instance import Instance, eventually, program

OPEN, CLOSE = "\x1b[?1049h", "\x1b[?1049l"  # the other screen, and back
NOBODY = 65534


class Terminal:
    """A terminal in which `top` runs."""

    def __init__(self, host, *arguments, rows=24, columns=100):
        self.case = host.case
        self.ours, theirs = pty.openpty()
        self.case.addCleanup(os.close, self.ours)
        os.set_blocking(self.ours, False)
        self.resize(rows, columns)
        self.settings = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            [program("essequencectl"), "--runtime-dir", str(host.runtime_dir), "top",
             "--interval", "0.2", *arguments],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.theirs = theirs
        self.case.addCleanup(os.close, theirs)
        self.case.addCleanup(self.kill)
        self.text = ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def resize(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        try:
            while part := os.read(self.ours, 65536):
                self.text += part.decode(errors="replace")
        except BlockingIOError:
            pass
        return self.text

    def frames(self):
        """What was drawn to its end, each time without what steers the cursor."""
        return [[line.split("\x1b[K")[0] for line in frame.split("\x1b[J")[0].split("\r\n")]
                for frame in self.read().split("\x1b[H")[1:] if "\x1b[J" in frame]

    def wait_for(self, pattern):
        return eventually(self.case, lambda: re.search(pattern, "\n".join(self.last_frame())),
                          words=f"{pattern} was not shown")

    def last_frame(self):
        frames = self.frames()
        return frames[-1] if frames else []

    def type(self, keys):
        os.write(self.ours, keys)

    def assert_left(self):
        self.case.assertEqual(self.process.wait(30), 0, self.read())
        self.case.assertTrue(self.read().endswith(CLOSE), self.text[-200:])
        self.case.assertEqual(termios.tcgetattr(self.theirs), self.settings)


class Top(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self).start()
        self.host.next("orders", 7)
        self.host.open("users")

    def once(self, *arguments, **options):
        return self.host.ctl("top", "--interval", "0.3", *arguments, **options)

    def json(self):
        seen = json.loads(self.host.ctl("--json", "top", "--interval", "0.3"))
        return seen["sidecar"], {row["name"]: row for row in seen["sequences"]}

    def test_it_tells_what_the_sidecar_tells(self):
        sidecar, rows = self.json()
        self.assertLess(sidecar.pop("heartbeat_age_seconds"), 2)
        self.assertEqual(sidecar, {"alive": True, "pid": self.host.process.pid,
                                   "source_healthy": True})
        same = ("state", "ready_ids", "stalls_total", "taken_total", "refills_total",
                "dropped_by_clients", "epoch", "next_id")

        def tells_the_same(name):  # unless a refill comes between the two
            row, told = self.json()[1][name], self.host.show(name)
            return [row[key] for key in same] == [told[key] for key in same]

        for name in ("orders", "users"):
            eventually(self, lambda: tells_the_same(name), words=f"{name}: another thing is told")
        self.assertEqual(set(rows["orders"]), {
            "name", "state", "rate_per_second", "ready_ids", "cover_seconds", "stalls_total",
            "taken_total", "refills_total", "dropped_by_clients", "epoch", "next_id"})
        self.assertEqual((rows["orders"]["rate_per_second"], rows["orders"]["cover_seconds"]),
                         (0, None))

    def test_rates_and_the_order_of_rows(self):
        self.host.open("zeta")
        self.host.taker("users", seconds=60, rate=2000)
        self.host.taker("zeta", seconds=60, rate=20)
        def rows_with_rates():
            _, rows = self.json()
            return rows["users"]["rate_per_second"] > rows["zeta"]["rate_per_second"] > 0 and rows

        users = eventually(self, rows_with_rates)["users"]
        self.assertAlmostEqual(users["cover_seconds"],
                               users["ready_ids"] / users["rate_per_second"])
        eventually(self, lambda: re.findall(r"^(\w+) ", self.once(), re.MULTILINE) ==
                   ["NAME", "users", "zeta", "orders"])

    def test_states(self):
        self.host.open("few", max=3)
        self.host.open("asked", order="cluster")
        self.host.open("gone")
        self.host.ctl("delete", "gone")
        self.host.next("few", 3)
        self.host.ctl("next", "few", "--timeout", 0.2, status=1)
        eventually(self, lambda: self.host.show("few")["state"] == "exhausted")
        states = {name: row["state"] for name, row in self.json()[1].items()}
        self.assertEqual(states, {"orders": "ready", "users": "ready", "few": "exhausted",
                                  "asked": "on_request"})
        self.assertEqual(re.findall(r"^(\w+) ", self.once(), re.MULTILINE)[1], "few")

    def test_of_a_dead_sidecar(self):
        self.assertIn("is alive, source healthy", self.once())
        self.host.kill()
        (self.host.runtime_dir / "control.sock").unlink()
        self.assertEqual(self.host.next("orders"), [8])
        eventually(self, lambda: self.json()[0]["heartbeat_age_seconds"] > 2)
        sidecar, rows = self.json()
        self.assertEqual((sidecar["alive"], sidecar["source_healthy"]), (False, None))
        self.assertEqual((rows["orders"]["taken_total"], rows["orders"]["next_id"]), (8, 9))
        self.assertRegex(self.once(), r"SIDECAR DEAD, last heartbeat \d+\.\d s ago")
        self.host.ctl("next", "orders", "-n", 100_000_000, "--timeout", 0.2, status=(3, 5))
        self.assertEqual(self.json()[1]["orders"]["ready_ids"], 0)

    @unittest.skipUnless(os.geteuid() == 0, "to be another user takes root")
    def test_a_member_of_the_group_needs_nothing_but_the_files(self):
        (self.host.runtime_dir / "control.sock").unlink()
        command = [program("essequencectl"), "--runtime-dir", str(self.host.runtime_dir), "top",
                   "--interval", "0.3"]
        member = subprocess.run(command, user=NOBODY, group=NOBODY, capture_output=True, text=True,
                                extra_groups=[os.stat(self.host.runtime_dir).st_gid], timeout=60)
        self.assertEqual(member.returncode, 0, member.stderr)
        self.assertIn("orders", member.stdout)
        stranger = subprocess.run(command, user=NOBODY, group=NOBODY, capture_output=True,
                                  text=True, extra_groups=[], timeout=60)
        self.assertEqual(stranger.returncode, 4, stranger.stderr)
        self.assertIn("ermission", stranger.stderr)

    def test_without_a_ring(self):
        self.host.stop()
        for name in ("ring", "tickets"):
            (self.host.runtime_dir / name).unlink()
        self.once(status=3)

    def test_names_do_not_steer_the_terminal(self):
        name = "a\u202eb\u2066c"
        self.host.open(name)
        for text in (self.once(), self.host.ctl("list")):
            self.assertIn("a b c", text)
            self.assertNotIn("\u202e", text)
        self.assertIn(name, self.json()[1])

    def test_live(self):
        terminal = Terminal(self.host)
        terminal.wait_for(r"orders +ready +0\.0 ")
        self.assertTrue(terminal.read().startswith(OPEN))
        self.host.taker("users", seconds=60, rate=500)
        terminal.wait_for(r"users +\w+ +[1-9]")
        terminal.resize(rows=3, columns=30)
        frame = terminal.wait_for(r"\A.*\n.*\nusers.*\Z").group().split("\n")
        self.assertLessEqual(max(map(len, frame)), 30)
        terminal.type(b"x")
        terminal.type(b"q")
        terminal.assert_left()

    def test_live_over_the_death_of_the_sidecar(self):
        terminal = Terminal(self.host)
        terminal.wait_for("is alive")
        self.host.kill()
        terminal.wait_for("SIDECAR DEAD")
        for name in ("ring", "tickets"):
            (self.host.runtime_dir / name).unlink()
        self.host.start()  # with a new ring
        terminal.wait_for("is alive")
        terminal.type(b"\x03")
        terminal.assert_left()

    def test_a_signal_leaves_the_terminal_as_it_was(self):
        terminal = Terminal(self.host)
        terminal.wait_for("is alive")
        terminal.process.send_signal(signal.SIGTERM)
        terminal.assert_left()


if __name__ == "__main__":
    unittest.main()
