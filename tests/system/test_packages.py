"""The Debian packages as files: what is in them, and what Debian's own tools say of it. That they can
be installed, and used, is tested in test_service.py."""

import os
import shutil
import subprocess
import unittest

from debian_packages import NAMES, extracted, field, packages, run

UNITS = ("essequenced.service", "essequenced@.service")
FULL = "ESSEQUENCE_TEST_FULL" in os.environ


@unittest.skipUnless(shutil.which("dpkg-deb") and shutil.which("cpack"), "this is not a Debian")
class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packages = {field(package, "Package"): package for package in packages()}

    def test_there_are_four(self):
        self.assertEqual(set(self.packages), NAMES)

    def test_they_depend_on_each_other_as_they_must(self):
        version = field(self.packages["libessequence1"], "Version")
        self.assertEqual(field(self.packages["libessequence-dev"], "Depends"),
                         f"libessequence1 (= {version})")
        python = field(self.packages["python3-essequence"], "Depends")
        self.assertIn(f"libessequence1 (>= {version})", python)
        self.assertRegex(python, r"python3 \(>= 3\.11~\), python3 \(<< 3\.12\)")
        self.assertRegex(field(self.packages["essequence"], "Depends"), r"libcpprest2\.10 \(>= ")

    def test_what_is_shipped_lies_where_it_is_looked_for(self):
        shipped = {
            "essequence": ["man/man8/essequenced.8.gz", "man/man1/essequencectl.1.gz",
                           "man/man5/essequence.toml.5.gz", "essequence/essequence.rules.yml",
                           "bash-completion/completions/essequencectl",
                           "bash-completion/completions/essequenced",
                           *(f"doc/essequence/examples/{name}"
                             for name in ("Dockerfile", "compose.yaml", "daemonset.yaml"))],
            "libessequence-dev": ["man/man3/essequence.3.gz",
                                  "doc/libessequence-dev/examples/ids.c"]}
        for name, paths in shipped.items():
            root = extracted(self, self.packages[name])
            for path in paths:
                self.assertTrue((root / "usr/share" / path).is_file(), f"{name}: {path}")

    def test_programs_and_libraries_are_stripped(self):
        for name in ("essequence", "libessequence1", "python3-essequence"):
            for path in extracted(self, self.packages[name]).rglob("*"):
                if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
                    self.assertNotIn(".debug_info", run("readelf", "--sections", path), path)

    def test_the_units_are_valid_and_hardened(self):
        root = extracted(self, self.packages["essequence"])
        (root / "bin").mkdir()
        (root / "bin/sh").touch(0o755)  # which the units use
        for unit in UNITS:
            name = unit.replace("@", "@one")
            said = run("systemd-analyze", "verify", f"--root={root}", "--recursive-errors=no",
                       "--man=no", name)
            self.assertEqual(said, "", unit)
            said = run("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15",
                       root / "usr/lib/systemd/system" / unit)
            self.assertRegex(said, r"Overall exposure level for \S+: [01]\.\d OK")

    @unittest.skipUnless(FULL, "lintian is installed with --full only")
    def test_lintian_has_nothing_to_say(self):
        ended = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning",
                                *self.packages.values()], text=True, capture_output=True, timeout=300)
        self.assertEqual((ended.returncode, ended.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
