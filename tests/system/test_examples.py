"""shmclient/examples, each built and run by the command in its first lines, against the installed
library."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import distribution
from installation import installed, library_in
from instance import ROOT, Instance

EXAMPLES = ROOT / "shmclient/examples"
JNA = pathlib.Path("/usr/share/java/jna.jar")
LARGE = 2**63 - 500  # and 499 more: what a double cannot hold


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        prefix = installed(cls)
        cls.directory = prefix.parent
        library = library_in(prefix).parent
        cls.environment = {**os.environ, "LD_LIBRARY_PATH": str(library),
                           "PKG_CONFIG_PATH": str(library / "pkgconfig")}

    def only_in_full(self):
        if os.environ.get("ESSEQUENCE_TEST_FULL") != "1":
            self.skipTest("takes another language's compiler: only in tests/run --full")

    def needs(self, tool, package):
        if shutil.which(tool) is None:
            self.skipTest(f"{tool} is missing: apt-get install {package}")

    def check(self, name, **environment):
        source = self.directory / name.replace(".", "-") / name
        source.parent.mkdir()
        shutil.copy(EXAMPLES / name, source)
        host = Instance(self, config={"sequence.large": {"start": LARGE}}).start()
        environment = {**self.environment, "ESSEQUENCE_RUNTIME_DIR": str(host.runtime_dir),
                       **environment}

        def run(command):
            ended = subprocess.run(["bash", "-c", command], cwd=source.parent, env=environment,
                                   text=True, capture_output=True, timeout=300)
            ids = [int(line) for line in ended.stdout.split("\n") if line.isdecimal()]
            return ended.returncode, ids, ended.stderr

        command = re.search(r"^(?: \*|//)[ \t]+(.* orders)$", source.read_text(), re.MULTILINE)[1]
        self.assertEqual(run(command), (0, list(range(1, 1001)), ""))
        again = command.rpartition(" && ")[2]
        self.assertEqual(run(again), (0, list(range(1001, 2001)), ""))

        def failure(sequence):
            status, ids, words = run(re.sub("orders$", sequence, again))
            self.assertEqual(status, 1, words)
            self.assertEqual(words.count("\n"), 1, words)  # and no trace of a stack
            return ids, words

        ids, words = failure("large")
        self.assertEqual(ids, list(range(LARGE, 2**63)))
        self.assertRegex(words, '^EXHAUSTED: .*"large"')
        self.assertRegex(failure("_bad")[1], "^INVALID: .*name")
        os.kill(host.process.pid, signal.SIGSTOP)  # who waits for it for ever, waits for ever
        try:
            ids, words = failure("unknown")
        finally:
            os.kill(host.process.pid, signal.SIGCONT)
        self.assertEqual(ids, [])
        self.assertRegex(words, f"^UNAVAILABLE: .*{host.runtime_dir}")

    def test_c(self):
        self.check("ids.c")

    def test_cpp(self):
        self.check("ids.cpp")

    def test_go(self):
        self.only_in_full()
        self.needs("go", "golang-go")
        self.check("ids.go")

    def test_rust(self):
        self.only_in_full()
        self.needs("rustc", "rustc")
        self.check("ids.rs")

    def test_node(self):
        self.only_in_full()
        self.needs("npm", "npm")
        self.check("ids.mjs", npm_config_loglevel="silent")

    def test_java(self):
        self.only_in_full()
        try:
            home = distribution.java_home("Ids.java", 22)
        except RuntimeError as reason:
            self.skipTest(str(reason))
        self.check("Ids.java", PATH=f"{home}/bin:{os.environ['PATH']}")

    def test_java_by_jna(self):
        self.only_in_full()
        if not JNA.exists():
            self.skipTest(f"{JNA} is missing: apt-get install libjna-java")
        home = distribution.java_home("IdsByJna.java", 17)
        self.check("IdsByJna.java", PATH=f"{home}/bin:{os.environ['PATH']}")


if __name__ == "__main__":
    unittest.main()
