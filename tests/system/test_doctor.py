"""essequencectl doctor: for each of its checks, a host where it fails."""

import contextlib
import ctypes
import json
import os
import platform
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import unittest

from instance import Instance, eventually, program
from small_disk import host_with_a_full_journal

NOBODY = 65534
ALL = {"runtime directory", "space", "group", "files", "ring", "futex", "address space", "mappings",
       "clock", "machine id", "heartbeat", "socket", "version", "open files", "clock of sidecar",
       "source", "journal", "fences"}

# Clocks as no test can set them: what the C library answers is what the shim says.
SHIM = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += 86400;
  return result;
}
int adjtimex(struct timex *state) { (void)state; return atoi(getenv("CLOCK_STATE")); }
"""


def without_futex_wait():
    """Forbids the waits that are shared between processes; those within one are let be."""
    libc = ctypes.CDLL(None, use_errno=True)
    load, jump_if_equal, answer = 0x20, 0x15, 0x06
    rules = [(load, 0, 0, 0), (jump_if_equal, 0, 3, 202),  # SYS_futex on x86-64
             (load, 0, 0, 16 + 8), (jump_if_equal, 0, 1, 0),  # its operation: FUTEX_WAIT
             (answer, 0, 0, 0x00050000 | 1), (answer, 0, 0, 0x7fff0000)]  # EPERM; allowed
    program_of_it = b"".join(struct.pack("HBBI", *rule) for rule in rules)
    kept = ctypes.create_string_buffer(program_of_it)
    header = struct.pack("HxxxxxxP", len(rules), ctypes.addressof(kept))
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, ctypes.c_char_p(header), 0, 0) != 0:  # PR_SET_SECCOMP, a filter
        raise OSError(ctypes.get_errno(), "prctl")


class PlayedSidecar:
    """Answers /v1/status as `status` says."""

    def __init__(self, case, path, status):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        os.chmod(path, 0o660)
        self.listener.listen()
        body = json.dumps(status).encode()
        self.reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(self.reply)

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@unittest.skipUnless(os.geteuid() == 0, "a host that is not as it should be takes root to make")
class Doctor(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self)

    def examine(self, directory=None, under=(), **options):
        """The findings by check, and the exit status checked against them."""
        command = [*under, program("essequencectl"), "--runtime-dir",
                   str(directory or self.host.runtime_dir), "--json", "doctor"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
        result = json.loads(ended.stdout)
        failed = [finding for finding in result["checks"] if finding["verdict"] == "fail"]
        self.assertEqual((ended.returncode, result["healthy"]), (1 if failed else 0, not failed))
        for finding in result["checks"]:
            self.assertEqual(bool(finding["advice"]), finding["verdict"] != "ok", finding)
            self.assertTrue(finding["found"], finding)
        return {finding.pop("check"): finding for finding in result["checks"]}

    def assert_finds(self, findings, check, verdict, found, advice=""):
        self.assertIn(check, findings)
        finding = findings[check]
        self.assertEqual(finding["verdict"], verdict, finding)
        self.assertRegex(finding["found"], found)
        self.assertIn(advice, finding["advice"])

    def in_namespace(self, *mounts):
        """A command that runs another one where `mounts` (commands of the shell) are done."""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                " && ".join([*mounts, 'exec "$@"']), "sh"]

    def shim(self, state):
        library = self.host.disk / "shim.so"
        if not library.exists():
            (self.host.disk / "shim.c").write_text(SHIM)
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, self.host.disk / "shim.c"],
                           check=True)
        return {**os.environ, "LD_PRELOAD": str(library), "CLOCK_STATE": str(state)}

    # ---- files ----

    def test_a_sound_host(self):
        self.host.start()
        findings = self.examine()
        self.assertEqual(set(findings), ALL)
        bad = {check: finding for check, finding in findings.items()
               if finding["verdict"] != "ok" and check not in ("clock", "space", "machine id")}
        self.assertEqual(bad, {})
        self.assertRegex(self.host.ctl("doctor"), r"(?m)^ok +socket +answers in [\d.]+ ms +-$")

    def test_the_runtime_directory(self):
        self.assert_finds(self.examine("/nowhere"), "runtime directory", "fail", "No such file",
                          "start essequenced")
        self.assert_finds(self.examine(self.host.state_dir), "runtime directory", "fail",
                          "not on tmpfs", "/run")
        self.host.runtime_dir.chmod(0o770)
        self.assert_finds(self.examine(), "runtime directory", "fail", "0770 ", "chmod 0750")

    def test_little_space(self):
        small = self.host.disk / "small"
        small.mkdir(mode=0o750)
        under = self.in_namespace(f"mount -t tmpfs -o size=4m,mode=0750 none {small}")
        self.assert_finds(self.examine(small, under), "space", "warn", "4 of 4 MiB", "size=")

    def test_who_is_not_in_the_group(self):
        self.host.start()
        stranger = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        findings = self.examine(**stranger)
        self.assert_finds(findings, "group", "fail", "nobody is not in group root",
                          "usermod -aG root nobody")
        self.assert_finds(findings, "ring", "fail", "ermission")
        groups = self.host.disk / "group"
        groups.write_text("root:x:0:nobody\nnogroup:x:65534:\n")
        under = [*self.in_namespace(f"mount --bind {groups} /etc/group"),
                 "setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        self.assert_finds(self.examine(under=under), "group", "fail", "not this process",
                          "log in anew")
        member = {**stranger, "extra_groups": [0]}
        self.assert_finds(self.examine(**member), "group", "ok", "nobody is in group root")

    def test_files_that_are_not_as_they_should_be(self):
        self.host.start()
        tickets = self.host.runtime_dir / "tickets"
        tickets.chmod(0o640)
        self.assert_finds(self.examine(), "files", "fail", "tickets is 0640", "0660 root:root")
        tickets.chmod(0o660)
        os.chown(tickets, 0, NOBODY)
        self.assert_finds(self.examine(), "files", "fail", "tickets is 0660 root:nogroup")
        os.chown(tickets, 0, 0)
        self.host.stop()
        tickets.unlink()
        self.assert_finds(self.examine(), "files", "fail", "tickets: No such file", "start")

    def test_a_ring_that_is_none(self):
        self.host.start()
        copy = self.host.shared / "copy"
        copy.mkdir(mode=0o750)
        for name in ("ring", "tickets"):
            subprocess.run(["cp", "--sparse=always", self.host.runtime_dir / name, copy],
                           check=True)
        self.assert_finds(self.examine(copy), "ring", "fail", "copy", "restart")
        with open(copy / "ring", "r+b") as ring:
            ring.seek(8)
            ring.write(struct.pack("I", 7))
        self.assert_finds(self.examine(copy), "ring", "fail", "layout 7", "one version")

    # ---- kernel ----

    @unittest.skipUnless(platform.machine() == "x86_64", "the filter is written for x86-64")
    def test_no_futex(self):
        findings = self.examine("/nowhere", preexec_fn=without_futex_wait)
        self.assert_finds(findings, "futex", "fail", "not permitted", "seccomp")

    def test_little_address_space(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
        findings = self.examine("/nowhere", preexec_fn=limit)
        self.assert_finds(findings, "address space", "warn", "512 MiB", "ulimit -v")

    def test_few_mappings(self):
        self.host.start()
        for name in "abc":
            self.host.open(name)
        few = self.host.disk / "few"
        few.write_text("6\n")
        under = self.in_namespace(f"mount --bind {few} /proc/sys/vm/max_map_count")
        self.assert_finds(self.examine(under=under), "mappings", "warn",
                          "^6 a process; .* takes 6$", "vm.max_map_count=12")

    def test_clocks(self):
        self.host.start()
        findings = self.examine(env=self.shim(state=5))
        self.assert_finds(findings, "clock", "warn", "not synchronised", "chrony")
        self.assert_finds(findings, "clock of sidecar", "warn", r"jumped by 8\d{4}", "ids are safe")
        self.assert_finds(self.examine(env=self.shim(state=0)), "clock", "ok", "synchronised")

    def test_machine_id(self):
        self.host.start()
        for text, verdict, found in (("", "warn", "is empty"), ("f" * 32, "fail", "is of machine")):
            other = self.host.disk / "machine-id"
            other.write_text(text and text + "\n")
            under = self.in_namespace(f"mount --bind {other} /etc/machine-id")
            self.assert_finds(self.examine(under=under), "machine id", verdict, found)

    # ---- the sidecar ----

    def test_a_dead_sidecar(self):
        self.host.start()
        self.host.kill()
        findings = self.examine()
        self.assert_finds(findings, "heartbeat", "fail", r"none for [\d.]+ s", "systemctl restart")
        self.assert_finds(findings, "socket", "fail", "refused", "journalctl")
        self.assertEqual(findings["ring"]["verdict"], "ok")
        self.assertEqual(set(findings), ALL - {"version", "open files", "clock of sidecar",
                                               "source", "journal"})

    def test_a_sidecar_that_hangs(self):
        self.host.start()
        self.host.process.send_signal(signal.SIGSTOP)
        findings = self.examine()
        self.host.process.send_signal(signal.SIGCONT)
        self.assert_finds(findings, "heartbeat", "fail", "none for")
        self.assert_finds(findings, "socket", "fail", "no answer in time")

    def test_another_version(self):
        self.host.start()
        status = self.host.expect(200, "GET", "/v1/status")
        (self.host.runtime_dir / "control.sock").unlink()
        PlayedSidecar(self, self.host.runtime_dir / "control.sock", {**status, "version": "9.9.9"})
        self.assert_finds(self.examine(), "version", "warn", "essequenced 9.9.9", "restart")

    def test_few_open_files(self):
        self.host.start()
        resource.prlimit(self.host.process.pid, resource.RLIMIT_NOFILE, (200, 200))
        self.assert_finds(self.examine(), "open files", "warn", "may open 200$", "LimitNOFILE=1024")

    def test_a_source_that_is_away(self):
        host = Instance(self, "http://127.0.0.1:9", "essequence").start()
        eventually(self, lambda: "127.0.0.1:9" in host.source()["detail"])
        self.assert_finds(self.examine(host.runtime_dir), "source", "fail", "127.0.0.1:9")

    def test_a_journal_on_a_full_disk(self):
        host, _ = host_with_a_full_journal(self)
        self.assert_finds(self.examine(host.runtime_dir), "journal", "fail", "full",
                          "disk of state_dir")

    def test_a_fence(self):
        self.host.start()
        self.host.next("orders", 3)
        self.host.stop()
        shutil.rmtree(self.host.state_dir)
        self.host.start()
        eventually(self, lambda: self.host.show("orders")["state"] == "fenced")
        self.assert_finds(self.examine(), "fences", "fail", "1 fenced, orders",
                          "essequencectl list")


if __name__ == "__main__":
    unittest.main()
