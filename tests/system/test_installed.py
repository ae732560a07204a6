"""The installed tree, as somebody else's build sees it: CMake package, pkg-config, and symbols."""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

from installation import installed, library_in
from instance import Instance

CONSUMER = pathlib.Path(__file__).resolve().parent / "consumer"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

# A guest does none of this in its host's process: end it, write on its terminal, change how it takes
# signals, start threads or programs, change its umask or locale.
FORBIDDEN = re.compile(
    r"_?_?(exit|_exit|_Exit|quick_exit|abort|atexit|assert_fail|"
    r"(v|f|vf|d|vd)?w?printf(_chk)?|f?puts|f?putc|putchar|perror|syslog|fwrite|stdout|stderr|"
    r"signal|sigaction|sigprocmask|pthread_sigmask|kill|raise|pthread_kill|alarm|setitimer|"
    r"fork|vfork|system|popen|exec\w+|posix_spawnp?|pthread_create|umask|setlocale|chdir)"
    r"|_ZSt4cout|_ZSt4cerr|_ZSt4clog|_ZNSt8ios_base4InitC1Ev|_ZNSt6thread\w*")

# std::terminate is what the compiler puts behind each noexcept function; no exception reaches one,
# because every function of the C interface catches all. The other two stand in Asio's scheduler for
# an option that the library does not use; test_leaves_its_host_as_it_was looks at a live process.
ALLOWED = {"_ZSt9terminatev", "pthread_create", "pthread_sigmask"}

# A host process: what the kernel says of it must be the same before and after it used the library.
HOST = """
import ctypes, os, sys
def about():
    kept = ("Umask", "Threads", "SigBlk", "SigIgn", "SigCgt")
    status = [line for line in open("/proc/self/status") if line.startswith(kept)]
    return status, len(os.listdir("/proc/self/fd"))
library = ctypes.CDLL(sys.argv[1])
before = about()
sequence, number, run = ctypes.c_void_p(), ctypes.c_int64(), (ctypes.c_char * 64)()
os.environ["ESSEQUENCE_RUNTIME_DIR"] = sys.argv[2]
assert library.essequence_open(b"orders", None, ctypes.byref(sequence)) == 0
assert library.essequence_next(sequence, ctypes.byref(number)) == 0
assert library.essequence_take(sequence, 3, run) == 0
assert library.essequence_try_next(sequence, ctypes.byref(number)) in (0, 1)
assert library.essequence_reset(sequence) == 0
assert library.essequence_open(b"_bad", None, ctypes.byref(ctypes.c_void_p())) == 7
library.essequence_close(sequence)
assert about() == before, (before, about())
"""


def run(case, *command, **options):
    ended = subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=300, **options)
    case.assertEqual(ended.returncode, 0, f"{command}:\n{ended.stdout}")
    return ended.stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = installed(cls)
        cls.library = library_in(cls.prefix)

    def fresh(self, name):
        directory = self.prefix.parent / name
        directory.mkdir()
        return directory

    def use(self, *programs):
        """Runs each against a sidecar, and without one."""
        host = Instance(self).start()
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.library.parent)}
        for number, consumer in enumerate(programs, 1):
            self.assertEqual(run(self, consumer, host.runtime_dir, env=environment),
                             f"{number}\n")

    def test_cmake_package(self):
        build = self.fresh("cmake")
        run(self, "cmake", "-S", CONSUMER, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run(self, "cmake", "--build", build)
        self.use(build / "consumer_c11", build / "consumer_cxx17")

    def test_pkg_config(self):
        build = self.fresh("pkg-config")
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.library.parent / "pkgconfig")}
        flags = shlex.split(run(self, "pkg-config", "--cflags", "--libs",
                                "essequence", env=environment))
        run(self, "cc", "-std=c11", *STRICT, CONSUMER / "consumer.c", *flags, "-o", build / "c11")
        run(self, "c++", "-std=c++17", *STRICT, CONSUMER / "consumer.cpp", *flags, "-o",
            build / "cxx17")
        self.use(build / "c11", build / "cxx17")

    def test_what_is_installed(self):
        for path in ("bin/essequenced", "bin/essequencectl", "include/essequence/essequence.h",
                     "include/essequence/essequence.hpp"):
            found = list(self.prefix.glob(path)) + list(self.prefix.glob("s" + path))
            self.assertTrue(found, f"{path} is not installed")
        host = Instance(self)
        run(self, next(self.prefix.glob("*bin/essequenced")), "--config", host.config_path,
            "--check-config", env={**os.environ, "LD_LIBRARY_PATH": str(self.library.parent)})

    def test_the_units_read_the_configuration_that_is_installed(self):
        for unit, name in (("essequenced", "essequence"), ("essequenced@", "%i")):
            text = (self.prefix / f"lib/systemd/system/{unit}.service").read_text()
            command = re.search("^ExecStart=(.*)$", text, re.MULTILINE).group(1)
            self.assertIn(f" --config {self.prefix}/etc/essequence/{name}.toml", command)
            self.assertTrue(command.startswith(f"{self.prefix}/"), command)
        self.assertTrue((self.prefix / "etc/essequence/essequence.toml").exists())

    def test_exports_only_its_own_names(self):
        names = [line.split()[-1].partition("@")[0] for line in
                 run(self, "nm", "-D", "--defined-only", self.library).splitlines()]
        self.assertIn("essequence_next", names)
        for name in names:
            self.assertRegex(name, r"^(essequence_\w+|ESSEQUENCE_1)$")

    def test_imports_nothing_that_a_guest_must_not_do(self):
        names = {line.split()[-1].partition("@")[0] for line in
                 run(self, "nm", "-D", "--undefined-only", self.library).splitlines()}
        self.assertIn("mmap", names | {name.removesuffix("64") for name in names})
        offending = {name for name in names - ALLOWED if FORBIDDEN.fullmatch(name)}
        self.assertEqual(offending, set())

    def test_leaves_its_host_as_it_was(self):
        host = Instance(self).start()
        said = run(self, sys.executable, "-c", HOST, self.library, host.runtime_dir)
        self.assertEqual(said, "")

    def test_needs_only_the_c_and_cxx_run_time(self):
        needed = set(re.findall(r"NEEDED.*\[(.+?)\]", run(self, "readelf", "-d", self.library)))
        self.assertLessEqual({re.sub(r"[-.].*", "", name) for name in needed},
                             {"libc", "libstdc++", "libgcc_s", "libm", "ld"})


if __name__ == "__main__":
    unittest.main()
