"""One sidecar under test, with its own runtime directory (tmpfs) and state directory (disk), and the
takers that run against it. All of it is gone when the test ends, however it ends.

Environment: ESSEQUENCE_TEST_BUILD, the build tree (default build/release);
ESSEQUENCE_TEST_ALLOCATION, the setting elasticsearch.allocation (default auto).
"""

import atexit
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ESSEQUENCE_TEST_BUILD", ROOT / "build/release")).resolve()

ALLOCATION = os.environ.get("ESSEQUENCE_TEST_ALLOCATION", "auto")

OK, TIMEOUT, UNAVAILABLE, EXHAUSTED, FENCED, DENIED, NOT_FOUND, INVALID, VERSION, SYSTEM = range(10)


def program(name):
    return str(BUILD / "bin" / name)


def eventually(case, condition, seconds=30, words="it did not happen"):
    """The first true value of condition(); fails the test if there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            case.fail(f"{words} within {seconds} s; the last value was {value!r}")
        time.sleep(0.05)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("sidecar", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        # Not settimeout: the connect would not wait for room in the backlog.
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            self.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", self.timeout, 0))
        self.sock.connect(self.path)


def toml(sections):
    """{"": {...}, "defaults": {...}} as TOML. JSON's strings, integers and booleans are TOML too."""
    lines = []
    for section, keys in sections.items():
        lines += [f"[{section}]"] if section else []
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


class Instance:
    def __init__(self, case, url=None, index=None, config=None):
        """On the local source, or with `url` on that Elasticsearch. `config` holds further sections
        as toml() takes them. Not started yet."""
        self.case = case
        self.shared = pathlib.Path(tempfile.mkdtemp(prefix="essequence-test.", dir="/dev/shm"))
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="essequence-test."))
        case.addCleanup(self.remove)
        atexit.register(self.remove)  # unittest skips the clean-up when it is interrupted
        self.shared.chmod(0o755)  # so that a test can look in as another user
        self.runtime_dir = self.shared / "run"
        self.runtime_dir.mkdir(mode=0o750)
        self.state_dir = self.disk / "state"
        self.state_dir.mkdir(mode=0o750)
        self.log_path = self.disk / "log"
        self.config_path = self.disk / "essequence.toml"
        self.index = index
        self.environment = {}  # of the sidecar, beside this process's own
        self.process = None
        self.takers = []
        self.resets = []  # (sequence, CLOCK_MONOTONIC in ns when it had returned, epoch)
        sections = {"": {"source": "local"}}
        if url:
            sections[""] = {"source": "elasticsearch"}
            sections["elasticsearch"] = {"hosts": [url], "index": index, "request_timeout": "2s",
                                         "epoch_poll": "500ms", "allocation": ALLOCATION}
        for section, keys in (config or {}).items():
            sections.setdefault(section, {}).update(keys)
        self.config_path.write_text(toml(sections))

    # ---- the sidecar ----

    def command(self, runtime_dir=None, state_dir=None):
        return [program("essequenced"), "--config", str(self.config_path), "--runtime-dir",
                str(runtime_dir or self.runtime_dir), "--state-dir",
                str(state_dir or self.state_dir)]

    def start(self):
        """Starts it and waits until the control socket answers. Returns self."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log,
                                            env={**os.environ, **self.environment})
        deadline = time.monotonic() + 60
        while True:
            if self.process.poll() is not None:
                self.case.fail(f"essequenced ended with {self.process.returncode}:\n{self.log()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.request("GET", "/v1/status")[0] == 200:
                    return self
            if time.monotonic() > deadline:
                self.case.fail(f"essequenced does not answer:\n{self.log()}")
            time.sleep(0.01)

    def refused(self, **directories):
        """Starts one that is expected to end by itself. Returns (exit status, what it said)."""
        ended = subprocess.run(self.command(**directories), stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        return ended.returncode, ended.stdout

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """A clean stop, which is checked to be one."""
        self.process.terminate()
        self.case.assertEqual(self.process.wait(30), 0, self.log())

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")[-6000:] if self.log_path.exists() else ""

    def remove(self):
        atexit.unregister(self.remove)
        for taker in self.takers:
            taker.kill()
        try:
            if self.alive():
                self.process.terminate()
                try:
                    status = self.process.wait(30)
                except subprocess.TimeoutExpired:
                    self.kill()
                    self.case.fail(f"essequenced did not stop on SIGTERM:\n{self.log()}")
                self.case.assertEqual(status, 0, f"not a clean stop:\n{self.log()}")
            elif self.process is not None:  # killed by the test, or else a crash
                self.case.assertIn(self.process.returncode, (0, -signal.SIGKILL), self.log())
        finally:
            outcome = getattr(self.case, "_outcome", None)
            # The outcome's own `success` is of the clean-up that runs now.
            if outcome is not None and getattr(outcome.result, "broken", True):
                print(f"--- log of {self.runtime_dir}:\n{self.log()}---", flush=True)
            shutil.rmtree(self.shared, ignore_errors=True)
            shutil.rmtree(self.disk, ignore_errors=True)

    # ---- its control socket and command line ----

    def request(self, method, path, body=None, timeout=30):
        """(status, decoded JSON, or text where it is none)."""
        connection = _UnixConnection(str(self.runtime_dir / "control.sock"), timeout)
        try:
            text = body if isinstance(body, (str, type(None))) else json.dumps(body)
            connection.request(method, path, text)
            reply = connection.getresponse()
            content = reply.read().decode()
            try:
                return reply.status, json.loads(content)
            except ValueError:
                return reply.status, content
        finally:
            connection.close()

    def expect(self, status, method, path, body=None):
        """The decoded reply to a request that must be answered with `status`."""
        got, reply = self.request(method, path, body)
        self.case.assertEqual(got, status, f"{method} {path}: {reply}")
        if status >= 400:
            self.case.assertEqual(reply["status"], status, reply)
            self.case.assertTrue(reply["error"]["type"] and reply["error"]["reason"], reply)
        return reply

    def open(self, name, **body):
        """Opens or creates a sequence."""
        deadline = time.monotonic() + 20
        got = 503  # until then: another host may just be creating the index
        while got == 503 and time.monotonic() < deadline:
            got, reply = self.request("PUT", f"/v1/sequences/{urllib.parse.quote(name, safe='')}",
                                      body)
        self.case.assertIn(got, (200, 201), reply)

    def show(self, name):
        return self.expect(200, "GET", f"/v1/sequences/{urllib.parse.quote(name, safe='')}")

    def source(self):
        return self.expect(200, "GET", "/v1/status")["source"]

    def ctl(self, *arguments, status=0):
        """Runs essequencectl, checks its exit status (one, or one of several), returns its standard
        output."""
        ended = subprocess.run([program("essequencectl"), "--runtime-dir", str(self.runtime_dir),
                                *map(str, arguments)], capture_output=True, text=True, timeout=60)
        expected = status if isinstance(status, tuple) else (status,)
        self.case.assertIn(ended.returncode, expected,
                           f"{arguments}: {ended.stdout}{ended.stderr}")
        if ended.returncode != 0:
            self.case.assertTrue(ended.stderr.strip(), f"{arguments}: it failed without a word")
        return ended.stdout

    def next(self, name, count=1, timeout=10):
        """Ids taken by `essequencectl next`."""
        return [int(line) for line in
                self.ctl("next", name, "-n", count, "--timeout", timeout).split()]

    def assert_accounted(self, name):
        """Promise 7, exactly; returns the sequence's status."""
        about = self.show(name)
        lost = about["lost_total"]
        self.case.assertEqual(set(lost), {"unknown_reply", "burnt_reset", "burnt_raise",
                                          "burnt_fence", "burnt_ring"})
        self.case.assertEqual(about["taken_total"] + sum(lost.values()),
                              about["granted_total"] - about["ready_ids"], about)
        return about

    # ---- its takers ----

    def taker(self, sequence, name="taker", under=(), **options):
        """A process that takes ids: the program `name`, whose options they are, as an argument of
        the command `under`."""
        taker = Taker(self, len(self.takers), sequence, options, name, under)
        self.takers.append(taker)
        return taker

    def files(self, sequence):
        return [path for taker in self.takers if taker.sequence == sequence
                for path in taker.files()]


class Taker:
    def __init__(self, instance, number, sequence, options, name="taker", under=()):
        self.case = instance.case
        self.sequence = sequence
        self.out = instance.disk / f"taken-{number}"
        command = [*under, program(name), "--runtime-dir", str(instance.runtime_dir),
                   "--sequence", sequence, "--out", str(self.out)]
        for key, value in options.items():
            option = "--" + key.replace("_", "-")
            command += [option] if value is True else [option, str(value)]
        # A group of its own, so that a signal reaches what it forks too.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, start_new_session=True)

    def files(self):
        own = [self.out] if self.out.exists() else []
        return sorted(map(str, [*own, *self.out.parent.glob(f"{self.out.name}.*")]))

    def signal(self, number):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def wait(self, seconds=300):
        """The taker's own summary."""
        out, error = self.process.communicate(timeout=seconds)
        self.case.assertEqual(self.process.returncode, 0, f"taker: {out}{error}")
        return json.loads(out)

    def wait_faultless(self, seconds=300):
        """As wait, and no take of it may have failed."""
        summary = self.wait(seconds)
        self.case.assertEqual(
            (summary["timeouts"], summary["unavailable"], summary["errors"]), (0, 0, 0), summary)
        return summary

    def finish(self, seconds=60):
        """Ends it before its time. Its summary."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        self.signal(signal.SIGKILL)
        with contextlib.suppress(ValueError):  # its pipes may be closed already
            self.process.communicate()


def at_rest(hosts, sequence, counter):
    """The hosts' accounts, and what counter() says of the document at the same moment; None where a
    block was under way, or came between."""
    before = [host.show(sequence) for host in hosts]
    iid = counter()
    abouts = [host.assert_accounted(sequence) for host in hosts]
    still = all(first["state"] == last["state"] == "ready" and
                first["granted_total"] == last["granted_total"]
                for first, last in zip(before, abouts))
    return (abouts, iid) if still else None


def check_ids(case, hosts, dense=None, sequence="orders", one_order=False):
    """Runs id_checker over what was taken of `sequence` on `hosts` (instances), and their resets;
    returns its summary. `one_order`: ids increase across these hosts, as if they were one."""
    command = [program("id_checker")]
    command += ["--dense", *map(str, dense)] if dense else []
    for number, instance in enumerate(hosts):
        command += [] if one_order and number > 0 else ["--host"]
        for name, moment_ns, epoch in instance.resets:
            command += ["--after", str(moment_ns), str(epoch)] if name == sequence else []
        command += instance.files(sequence)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600)
    case.assertEqual(ended.returncode, 0, f"{ended.stdout}{ended.stderr}")
    return json.loads(ended.stdout)
