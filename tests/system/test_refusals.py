"""What the programs refuse: directories, configurations, callers. Each time with words."""

import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

from instance import BUILD, Instance, program, toml

BAD_CONFIGS = [  # (sections, what the message must name)
    ({"": {"sauce": "local"}}, "sauce"),
    ({"": {"source": "postgres"}}, "source"),
    ({"elasticsearch": {"host": ["http://localhost:9200"]}}, "elasticsearch.host"),
    ({"elasticsearch": {"hosts": ["ftp://localhost"]}}, "hosts"),
    ({"elasticsearch": {"allocation": "magic"}}, "allocation"),
    ({"elasticsearch": {"request_timeout": "soon"}}, "request_timeout"),
    ({"elasticsearch": {"epoch_poll": "-1s"}}, "epoch_poll"),
    ({"elasticsearch": {"username": "u"}}, "password_file"),
    ({"control": {"reset": "everybody"}}, "reset"),
    ({"control": {"max_sequences": 65537}}, "max_sequences"),
    ({"defaults": {"start": 0}}, "start"),
    ({"defaults": {"increment": 2**31}}, "increment"),
    ({"defaults": {"min_block": 0}}, "min_block"),
    ({"defaults": {"min_block": 100, "max_block": 10}}, "max_block"),
    ({"defaults": {"cover": 30}}, "cover"),
    ({"defaults": {"order": "galaxy"}}, "order"),
    ({"sequence._hidden": {"start": 1}}, "_hidden"),
    ({"sequence.orders": {"colour": "red"}}, "colour"),
]


def root_only(case):
    if os.geteuid() != 0:
        case.skipTest("needs root, to be another user")


class Refusals(unittest.TestCase):
    def check_config(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            ended = subprocess.run([program("essequenced"), "--config", file.name,
                                    "--check-config"], capture_output=True, text=True, timeout=30)
        return ended.returncode, ended.stdout + ended.stderr

    def test_check_config_names_the_field(self):
        for sections, named in BAD_CONFIGS:
            with self.subTest(toml(sections)):
                status, words = self.check_config(toml({"": {"source": "local"}} | sections))
                self.assertEqual(status, 78, words)
                self.assertIn(named, words)
        status, words = self.check_config("source = \n")
        self.assertEqual(status, 78, words)
        status, words = self.check_config(toml({"": {"source": "local"},
                                                "sequence.orders": {"start": 1000}}))
        self.assertEqual(status, 0, words)

    def test_usage(self):
        for arguments, status in [(["--nonsense"], 64), (["--version"], 0), (["--help"], 0),
                                  (["--config", "/nonexistent.toml", "--check-config"], 78)]:
            with self.subTest(arguments):
                ended = subprocess.run([program("essequenced"), *arguments], capture_output=True,
                                       text=True, timeout=30)
                self.assertEqual(ended.returncode, status, ended.stderr)
                self.assertTrue((ended.stdout + ended.stderr).strip())

    def test_command_line_usage_ends_with_2(self):
        host = Instance(self)
        for arguments in ([], ["dance"], ["raise", "orders"], ["unfence", "orders"], ["reset"],
                          ["next", "orders", "-n", "0"], ["raise", "orders", "--above", "many"]):
            with self.subTest(arguments):
                host.ctl(*arguments, status=2)

    def test_a_runtime_directory_that_is_not_on_tmpfs(self):
        host = Instance(self)
        status, words = host.refused(runtime_dir=host.disk / "run")
        self.assertEqual(status, 78, words)
        self.assertIn("tmpfs", words)
        self.assertFalse((host.disk / "run/ring").exists())

    def test_a_runtime_directory_of_another_user(self):
        root_only(self)
        host = Instance(self)
        os.chown(host.runtime_dir, pwd.getpwnam("nobody").pw_uid, -1)
        status, words = host.refused()
        self.assertEqual(status, 78, words)
        self.assertIn(str(host.runtime_dir), words)

    def test_a_runtime_directory_that_others_may_write(self):
        host = Instance(self)
        host.runtime_dir.chmod(0o777)
        status, words = host.refused()
        self.assertEqual(status, 78, words)
        self.assertIn("writable", words)

    def test_a_second_sidecar_on_the_same_directory(self):
        host = Instance(self).start()
        host.next("orders")
        for directories in ({}, {"runtime_dir": host.shared / "spare"},
                            {"state_dir": host.disk / "spare"}):
            status, words = host.refused(**directories)
            self.assertGreater(status, 0, words)
            self.assertRegex(words, "lock|another|already|running")
        self.assertEqual(host.next("orders"), [2])

    def test_a_ring_of_another_version(self):
        host = Instance(self).start()
        self.assertEqual(host.next("orders"), [1])
        host.kill()
        with open(host.runtime_dir / "ring", "r+b") as ring:
            ring.seek(8)  # RingHeader::layout
            ring.write((99).to_bytes(4, "little"))
        ended = subprocess.run([program("taker"), "--runtime-dir", str(host.runtime_dir),
                                "--sequence", "orders", "--seconds", "1"],
                               capture_output=True, text=True, timeout=30)
        self.assertEqual(ended.returncode, 1)
        self.assertRegex(ended.stderr, "VERSION.*layout 99")
        host.start()  # any version can retire a ring; its ids are not given again
        self.assertIn("layout", host.log())
        self.assertGreater(host.next("orders")[0], 1)
        host.assert_accounted("orders")

    def test_damaged_files_never_crash_a_taker(self):
        host = Instance(self).start()
        host.next("orders")
        host.kill()
        sound = {name: (host.runtime_dir / name).read_bytes()[:4096] for name in
                 ("ring", "tickets")}
        for name, offset in [("ring", 0), ("ring", 12), ("ring", 40), ("tickets", 0),
                             ("tickets", 20)]:
            with self.subTest(file=name, offset=offset):
                with open(host.runtime_dir / name, "r+b") as file:
                    file.seek(offset)
                    file.write(b"\xa5" * 8)
                ended = subprocess.run([program("taker"), "--runtime-dir", str(host.runtime_dir),
                                        "--sequence", "orders", "--seconds", "1"],
                                       capture_output=True, text=True, timeout=30)
                self.assertEqual(ended.returncode, 1)
                self.assertRegex(ended.stderr, "VERSION|SYSTEM")
                with open(host.runtime_dir / name, "r+b") as file:
                    file.write(sound[name])
        self.assertEqual(host.start().next("orders"), [2])

    def test_who_may_do_what(self):
        root_only(self)
        host = Instance(self).start()
        host.next("orders")
        # Copies, because another user may not look into the build tree.
        tools = host.shared / "tools"
        tools.mkdir()
        for file in (BUILD / "bin/essequencectl", BUILD / "lib/libessequence.so.1"):
            shutil.copy(file.resolve(), tools / file.name)
        group = os.stat(host.runtime_dir).st_gid
        nobody = pwd.getpwnam("nobody")

        def ctl(group, *arguments):
            return subprocess.run(
                [str(tools / "essequencectl"), "--runtime-dir", str(host.runtime_dir), *arguments],
                env={**os.environ, "LD_LIBRARY_PATH": str(tools)}, user=nobody.pw_uid, group=group,
                extra_groups=[], capture_output=True, text=True, timeout=30)

        for arguments, status in [(["show", "orders"], 0), (["next", "orders"], 0),
                                  (["create", "invoices"], 0), (["reset", "orders"], 4),
                                  (["reset", "--all"], 4), (["raise", "orders", "--above", "9"], 4),
                                  (["unfence", "orders", "--above", "9"], 4),
                                  (["delete", "orders"], 4)]:
            with self.subTest(arguments, of="a member of the group"):
                ended = ctl(group, *arguments)
                self.assertEqual(ended.returncode, status, ended.stdout + ended.stderr)
            with self.subTest(arguments, of="a stranger"):
                ended = ctl(nobody.pw_gid, *arguments)
                self.assertEqual(ended.returncode, 4, ended.stdout + ended.stderr)
        self.assertEqual(host.next("orders"), [3])

    def test_reset_never_binds_root_too(self):
        host = Instance(self, config={"control": {"reset": "never"}}).start()
        host.next("orders")
        host.ctl("reset", "orders", status=4)
        host.ctl("reset", "--all", status=4)
        self.assertEqual(host.next("orders"), [2])


if __name__ == "__main__":
    unittest.main()
