"""A real Elasticsearch node for tests and for quickstart, laid out from Maven Central.

As a module: ElasticsearchNode(directory) with start, stop, kill and remove; data and port stay the
same over a restart. As a command, for shell scripts:

    elasticsearch_node.py start DIR [--version 8.19.5]    prints the URL; the node goes on running
    elasticsearch_node.py stop DIR                        stops it and removes what start put there
"""

import argparse
import http.client
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile

DEFAULT_VERSION = "8.19.5"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
USER = "essequence-test"  # Elasticsearch refuses to run as root


def cached_zip(version):
    """The distribution in the cache, fetched on first use."""
    cache = pathlib.Path(
        os.environ.get("ESSEQUENCE_TEST_CACHE") or pathlib.Path.home() / ".cache/essequence-tests")
    wanted = cache / f"elasticsearch-{version}.zip"
    if not wanted.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            subprocess.run(["mvn", "-q", "-B", PLUGIN, f"-Dartifact={ARTIFACT}:{version}:zip",
                            f"-DoutputDirectory={fresh}"], check=True, stdout=sys.stderr)
            os.replace(pathlib.Path(fresh) / wanted.name, wanted)
    return wanted


def java_home(version):
    """The oldest JDK of this machine that is new enough: what the release was tested with."""
    least = 21 if int(version.split(".")[0]) >= 9 else 17
    found = []
    for release in pathlib.Path("/usr/lib/jvm").glob("*/release"):
        match = re.search(r'JAVA_VERSION="(\d+)', release.read_text())
        if match and int(match.group(1)) >= least:
            found.append((int(match.group(1)), str(release.parent.resolve())))
    if not found:
        raise RuntimeError(f"Elasticsearch {version} needs a JDK >= {least} under /usr/lib/jvm: "
                           "apt-get install openjdk-17-jre-headless")
    return min(found)[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
    def __init__(self, directory, version=DEFAULT_VERSION):
        self.directory = pathlib.Path(directory).resolve()
        self.state = self.directory / "node.json"
        if self.state.exists():  # started by another process: take it over
            about = json.loads(self.state.read_text())
            self.version, self.port, self.pid = about["version"], about["port"], about["pid"]
        else:
            self.version, self.port, self.pid = version, None, None
        self.home = self.directory / f"elasticsearch-{self.version}"
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, timeout=120):
        if not self.home.exists():
            self._lay_out()
        user = unprivileged_user()
        environment = {**os.environ, "ES_JAVA_HOME": java_home(self.version),
                       "ES_TMPDIR": str(self.directory / "tmp"), "HOME": str(self.directory)}
        identity = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
        with open(self.directory / "node.log", "ab") as log:
            # A session of its own: the launcher starts a second process, a signal reaches both.
            self.process = subprocess.Popen(
                [str(self.home / "bin/elasticsearch")], cwd=self.directory, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **identity)
        self.pid = self.process.pid
        self._remember()
        try:
            self._await_health(timeout)
        except BaseException:
            self.kill()
            raise

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def request(self, method, path, body=None, timeout=30):
        """(status, decoded JSON) of one request to the node."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read() or b"null")
        finally:
            connection.close()

    def _lay_out(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(cached_zip(self.version)) as archive:
            for member in archive.infolist():
                path = archive.extract(member, self.directory)
                mode = member.external_attr >> 16  # zipfile forgets who may execute
                if mode and not member.is_dir():
                    os.chmod(path, mode)
        self.port = free_port()
        (self.directory / "tmp").mkdir(exist_ok=True)
        (self.home / "config/elasticsearch.yml").write_text(
            "discovery.type: single-node\n"
            "network.host: 127.0.0.1\n"
            f"http.port: {self.port}\n"
            f"transport.port: {free_port()}\n"
            f"path.data: {self.directory}/data\n"
            f"path.logs: {self.directory}/logs\n"
            "xpack.security.enabled: false\n"
            # A test must not turn read-only because the machine's disk is nearly full.
            "cluster.routing.allocation.disk.threshold_enabled: false\n")
        options = self.home / "config/jvm.options.d"
        options.mkdir(exist_ok=True)
        (options / "heap.options").write_text("-Xms512m\n-Xmx512m\n")
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
        tail = (self.directory / "node.log").read_text(errors="replace")[-3000:]
        raise RuntimeError(f"Elasticsearch {self.version} in {self.directory} is not ready after "
                           f"{timeout} s; the end of node.log:\n{tail}")

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
