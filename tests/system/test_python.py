"""The Python package: built, installed and used as its users do, with the README's own commands. Its
own tests are in tests/python."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

import cluster
import free_threaded_python
from installation import installed
from instance import ROOT, Instance
from python_package import TESTS, VirtualEnvironment, run

FULL = os.environ.get("ESSEQUENCE_TEST_FULL")
MYPY, NUMPY, GUNICORN = "mypy==2.4.1", "numpy==2.1.3", "gunicorn==27.0.1"
CARRIED = {"__init__.py", "_essequence.abi3.so", "_essequence.pyi", "control.py",
           "libessequence.so.1", "py.typed", "sequence.py"}


class OnThisPython(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = installed(cls)
        cls.there = VirtualEnvironment(cls.prefix.parent / "venv")
        install, = readme("pip install")
        cls.there.shell(install, ROOT, CMAKE_PREFIX_PATH=str(cls.prefix))
        cls.there.pip("install", NUMPY)

    def test_readme(self):
        program, = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(),
                              re.MULTILINE | re.DOTALL)
        host = Instance(self).start()
        said = run(self.there.python, "-c", f"{program}\nimport asyncio\n"
                   "print(number, numbers[0], asyncio.run(handler()) - numbers[-1])",
                   ESSEQUENCE_RUNTIME_DIR=str(host.runtime_dir))
        self.assertEqual(said, "1 2 1\n")

    def test_session(self):
        self.there.test("test_session")

    def test_sequence(self):
        self.there.test("test_sequence")

    def test_asyncio(self):
        self.there.test("test_asyncio")

    def test_forks(self):
        self.there.test("test_forks")

    def test_threads(self):
        self.there.test("test_threads")

    @unittest.skipUnless(FULL, "what it measures is for a calm machine: ESSEQUENCE_TEST_FULL=1")
    def test_the_benchmark_runs(self):
        said = run(self.there.python, ROOT / "tests/bench/python_takes.py", "--rounds", 2,
                   "--elasticsearch", cluster.url())
        print(*re.findall(r".* times$", said, re.MULTILINE), sep="\n")

    @unittest.skipUnless(FULL, "it takes a minute: ESSEQUENCE_TEST_FULL=1")
    def test_types(self):
        self.there.pip("install", MYPY)
        run(self.there.python, "-m", "mypy", "--strict", "--cache-dir", "/dev/null",
            TESTS / "typed_use.py", ROOT / "shmclient/python/essequence")
        run(self.there.python, "-m", "mypy.stubtest", "essequence")

    def test_a_wheel_that_carries_the_library(self):
        wheel = self.wheel(self.there)
        self.assertEqual(wheel.name, "essequence-0.1.0-cp39-abi3-linux_x86_64.whl")
        held = {name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name}
        self.assertEqual(held, {f"essequence/{name}" for name in CARRIED})
        elsewhere = self.prefix.parent / "elsewhere"
        self.there.pip("install", "--no-index", "--target", elsewhere, wheel)
        first = {"PYTHONPATH": str(elsewhere)}
        self.there.test("test_session", "local", **first)
        used = run(self.there.python, "-c", "import essequence\n"
                   "print(open('/proc/self/maps').read())", **first)
        self.assertEqual(set(re.findall(r"\S+/libessequence\.so\S*", used)),
                         {f"{elsewhere}/essequence/libessequence.so.1"})

    def wheel(self, environment, *options):
        """Built there, with the library inside."""
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.prefix.parent))
        (directory / "shmclient").symlink_to(ROOT / "shmclient")
        build, = readme("pip wheel")
        environment.shell(shlex.join([*shlex.split(build, comments=True), *options]),
                          directory, CMAKE_PREFIX_PATH=str(self.prefix))
        return next(directory.glob("*.whl"))

    @unittest.skipUnless(FULL, "it takes minutes: ESSEQUENCE_TEST_FULL=1")
    def test_gunicorn(self):
        self.there.pip("install", GUNICORN)
        said = self.there.test("test_gunicorn")
        print(*re.findall(r"^gunicorn: .*", said, re.MULTILINE), sep="\n")

    @unittest.skipUnless(FULL, "it takes minutes: ESSEQUENCE_TEST_FULL=1")
    def test_one_wheel_for_every_python(self):
        pythons = {version: python for version, python in every_python().items()
                   if version >= (3, 9) and version != sys.version_info[:2]}
        if not pythons:
            self.skipTest("no other Python from 3.9 on is here")
        wheel = self.wheel(self.there)
        for version, python in sorted(pythons.items()):
            with self.subTest(version):
                name = "python{}.{}".format(*version)
                environment = VirtualEnvironment(self.prefix.parent / name, python)
                environment.pip("install", "--no-index", wheel)
                for file in ("test_session", "test_sequence", "test_asyncio", "test_forks",
                             "test_threads"):
                    environment.test(file)
        print("one wheel served Python", *("{}.{}".format(*version) for version in pythons))

    @unittest.skipUnless(FULL, "it takes minutes: ESSEQUENCE_TEST_FULL=1")
    def test_without_the_interpreters_lock(self):
        environment = VirtualEnvironment(self.prefix.parent / "free-threaded",
                                         free_threaded_python.python())
        wheel = self.wheel(environment)
        self.assertRegex(wheel.name, r"-cp3(\d+)-cp3\1t-linux_x86_64\.whl$")
        environment.pip("install", "--no-index", wheel)
        # Python says so on stderr where a module has it take its lock back.
        said = run(environment.python, "-W", "error", "-c",
                   "import essequence, sys; print(sys._is_gil_enabled())")
        self.assertEqual(said, "False\n")
        for file in ("test_session", "test_sequence", "test_asyncio", "test_forks",
                     "test_threads"):
            environment.test(file)

    @unittest.skipUnless(FULL, "it takes minutes: ESSEQUENCE_TEST_FULL=1")
    def test_under_the_address_sanitizer(self):
        environment = VirtualEnvironment(self.prefix.parent / "sanitized")
        wheel = self.wheel(environment, "--config-settings", "cmake.build-type=Debug",
                           "--config-settings",
                           "cmake.define.CMAKE_C_FLAGS=-fsanitize=address,undefined "
                           "-fno-sanitize-recover=all")
        environment.pip("install", "--no-index", wheel)
        libraries = [run("cc", f"-print-file-name={name}").strip()
                     for name in ("libasan.so", "libubsan.so")]
        # The interpreter itself frees not all when it ends.
        sanitized = {"LD_PRELOAD": " ".join(libraries), "ASAN_OPTIONS": "detect_leaks=0"}
        for file, patterns in (("test_session", ["local"]), ("test_sequence", []),
                               ("test_asyncio", []), ("test_threads", [])):
            environment.test(file, *patterns, **sanitized)


def readme(beginning):
    """The README's commands that begin so."""
    return re.findall(rf"^{beginning} .*$", (ROOT / "README.md").read_text(), re.MULTILINE)


def every_python():
    """The interpreters of this machine, by version."""
    found = {}
    candidates = [shutil.which(f"python3.{minor}") for minor in range(9, 16)]
    candidates += pathlib.Path.home().glob(".pyenv/versions/3.*/bin/python")
    for python in filter(None, candidates):
        ended = subprocess.run([str(python), "-c", "import sys; print(*sys.version_info[:2])"],
                               capture_output=True, text=True)
        if ended.returncode == 0:  # pyenv has a name for each, also where it runs none
            found.setdefault(tuple(map(int, ended.stdout.split())), python)
    return found


if __name__ == "__main__":
    unittest.main()
