"""A real Elasticsearch (or OpenSearch) node for tests and for quickstart.

As a module: ElasticsearchNode(directory) with start, stop, kill, freeze, thaw and remove; data and
port stay the same over a restart. As a command, for shell scripts:

    elasticsearch_node.py start DIR [--version 8.19.5 | opensearch-2.19.1]
                                                          prints the URL; the node goes on running
    elasticsearch_node.py stop DIR                        stops it and removes what start put there
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time

import distribution

DEFAULT_VERSION = "8.19.5"
USER = "essequence-test"  # Elasticsearch refuses to run as root


def free_port():
    """A free one below those that connections are given: while its server is down, none takes it."""
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def unprivileged_user():
    """(uid, gid) to run as, or None where this process is not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin",
                        USER], check=True)
        entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


class ElasticsearchNode:
    def __init__(self, directory, version=DEFAULT_VERSION, settings=None, host="127.0.0.1",
                 under=()):
        """`settings` go into its configuration, over those below. `under`: the arguments of a
        command that runs it, in a network namespace for example, as the user whom it names."""
        self.directory = pathlib.Path(directory).resolve()
        self.state = self.directory / "node.json"
        self.settings, self.host, self.under = settings or {}, host, list(under)
        self.version, self.port, self.pid = version, None, None
        if self.state.exists():  # started by another process: take it over
            about = json.loads(self.state.read_text())
            self.version, self.port, self.pid = about["version"], about["port"], about["pid"]
        self.distribution = distribution.named(self.version)
        self.home = self.directory / self.distribution.folder
        self.process = None

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def start(self, timeout=120):
        self.launch()
        try:
            self._await_health(timeout)
        except BaseException:
            self.kill()
            raise

    def launch(self):
        """As start, but does not wait until it answers."""
        java = self.distribution.java_home()
        if not self.home.exists():
            self._lay_out()
        user = unprivileged_user()
        environment = {**os.environ, "ES_JAVA_HOME": java, "ES_TMPDIR": str(self.directory / "tmp"),
                       "HOME": str(self.directory)}
        identity = {}
        if user and not self.under:
            identity = {"user": user[0], "group": user[1], "extra_groups": []}
        with open(self.directory / "node.log", "ab") as log:
            # A session of its own: the launcher starts a second process, a signal reaches both.
            self.process = subprocess.Popen(
                [*self.under, *self.distribution.command(self.home)], cwd=self.directory,
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **identity)
        self.pid = self.process.pid
        self._remember()

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def freeze(self):
        """Stops its processes where they are; for the others it falls silent."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.killpg(self.pid, signal.SIGCONT)

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def request(self, method, path, body=None, timeout=30):
        """(status, decoded JSON) of one request to the node."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read() or b"null")
        finally:
            connection.close()

    def log(self):
        path = self.directory / "node.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def _lay_out(self):
        (self.directory / "tmp").mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        settings = {"network.host": self.host, "http.port": self.port,
                    "transport.port": free_port(),
                    "path.data": f"{self.directory}/data", "path.logs": f"{self.directory}/logs",
                    "path.repo": f"{self.directory}/snapshots",
                    # A test must not turn read-only because the machine's disk is nearly full.
                    "cluster.routing.allocation.disk.threshold_enabled": False}
        if "discovery.seed_hosts" not in self.settings:
            settings["discovery.type"] = "single-node"
        self.distribution.lay_out(self.home, {**settings, **self.settings})
        user = unprivileged_user()
        if user:
            os.chmod(self.directory, 0o755)
            subprocess.run(["chown", "-R", f"{user[0]}:{user[1]}", str(self.directory)], check=True)

    def _remember(self):
        self.state.write_text(json.dumps(
            {"version": self.version, "port": self.port, "pid": self.pid}))

    def _await_health(self, timeout):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                status, health = self.request("GET", "/_cluster/health", timeout=2)
                if status == 200 and health["status"] != "red":  # every shard answers again
                    return
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.2)
        raise RuntimeError(f"{self.distribution.title} in {self.directory} is not ready after "
                           f"{timeout} s; the end of node.log:\n{self.log()}")

    def _end(self, how):
        if self.pid is not None and self._is_ours():
            os.killpg(self.pid, how)
            deadline = time.monotonic() + 30
            while self._group_lives():
                if time.monotonic() > deadline:
                    os.killpg(self.pid, signal.SIGKILL)
                time.sleep(0.05)
        if self.process is not None:
            self.process.wait()
        self.pid, self.process = None, None
        if self.state.exists():
            self._remember()

    def _is_ours(self):
        """Guards against a process id that was used again since node.json was written."""
        return any(str(self.home) in command for command in self._group_commands())

    def _group_lives(self):
        if self.process is not None:
            self.process.poll()  # reaps the launcher
        return any(True for _ in self._group_commands())

    def _group_commands(self):
        """The command lines of the node's processes, zombies left out."""
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.pid and fields[0] not in "ZX":
                    yield (entry / "cmdline").read_text()
            except (OSError, IndexError):
                continue  # ended while it was looked at


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "stop"):
        command = commands.add_parser(name)
        command.add_argument("directory")
        if name == "start":
            command.add_argument("--version", default=DEFAULT_VERSION)
    arguments = parser.parse_args()
    if arguments.command == "start":
        node = ElasticsearchNode(arguments.directory, arguments.version)
        node.start()
        print(node.url)
    else:
        ElasticsearchNode(arguments.directory).remove()


if __name__ == "__main__":
    main()
