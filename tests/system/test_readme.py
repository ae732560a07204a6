"""The README's own commands and programs, as they stand there. (Its two commands at the top are
tests by themselves; those that install are run in test_service.py.)"""

import os
import re
import subprocess
import unittest

import cluster
from instance import BUILD, ROOT, Instance

README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


class Readme(unittest.TestCase):
    def test_commands(self):
        host = Instance(self).start()
        environment = {**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}",
                       "ESSEQUENCE_RUNTIME_DIR": str(host.runtime_dir)}
        commands = [line for block in blocks("sh") for line in block.splitlines()
                    if line.startswith(("essequencectl ", "curl ")) and "--config" not in line]
        self.assertGreater(len(commands), 8)
        for command in commands:
            with self.subTest(command):
                here = command.replace("/run/essequence", str(host.runtime_dir))
                here = here.replace("curl ", "curl --silent --show-error --fail ", 1)
                ended = subprocess.run(["bash", "-c", here], cwd=host.disk, env=environment, text=True,
                                       capture_output=True, timeout=60)
                self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

    def test_configuration(self):
        host = Instance(self)
        credentials = host.disk / "credentials"
        credentials.mkdir()
        (credentials / "api_key").write_text("key\n")
        config, = blocks("toml")
        (host.disk / "secured.toml").write_text(config)
        ended = subprocess.run(
            [BUILD / "bin/essequenced", "--check-config", "--config", host.disk / "secured.toml"],
            env={**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}, text=True,
            capture_output=True, timeout=60)
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_an_administrators_commands(self):
        """In the order of the README, from an index of a sidecar's own into a new one."""
        old, new = cluster.fresh_index(self), cluster.fresh_index(self)
        ancestor = cluster.fresh_index(self)
        cluster.request("PUT", f"/{ancestor}/_doc/users", {"name": "users", "iid": 41})
        host = Instance(self, cluster.url(), old, {"elasticsearch": {"create": False}}).start()
        (host.disk / "new.toml").write_text(host.config_path.read_text().replace(old, new))
        commands = [line for block in blocks("sh") for line in block.splitlines()
                    if line.startswith("essequencectl ") and "--config" in line]
        self.assertEqual(len(commands), 5)
        for command in commands:
            here = command.replace(" --username elastic --password-file elastic.secret", "")
            here = here.replace("/etc/essequence/essequence.toml", str(host.config_path))
            here = here.replace("lovely_essequences", ancestor)
            if " export " in here:
                self.assertEqual(host.next("orders", 3), [1, 2, 3])
                host.stop()
            ended = subprocess.run(
                ["bash", "-c", here], cwd=host.disk, text=True, capture_output=True, timeout=60,
                env={**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}"})
            self.assertEqual(ended.returncode, 0, f"{here}: {ended.stdout}{ended.stderr}")
        self.assertEqual(cluster.document(old, "users")[1]["iid"], 41)
        host.config_path.write_text((host.disk / "new.toml").read_text())
        host.start()
        self.assertEqual(host.next("orders", 100), list(range(4, 104)))

    def test_a_sidecar_without_systemd(self):
        command, = re.findall(r"`(essequenced --source[^`]*)`", README)
        here, there = ("/dev/shm/essequence", "/var/tmp/essequence")
        host = Instance(self)  # for its directories
        runtime, state = host.runtime_dir / "without", host.disk / "without"
        words = command.replace(here, str(runtime)).replace(there, str(state)).split()
        with subprocess.Popen([BUILD / "bin" / words[0], *words[1:]]) as sidecar:
            try:
                ended = subprocess.run([BUILD / "bin/essequencectl", "--runtime-dir", runtime,
                                        "next", "orders", "-n", "3", "--timeout", "20"],
                                       text=True, capture_output=True, timeout=60)
            finally:
                sidecar.terminate()
        self.assertEqual(ended.stdout.split(), ["1", "2", "3"], ended.stderr)
        self.assertEqual(sidecar.returncode, 0)

    def test_programs(self):
        host = Instance(self).start()
        host.open("orders")
        c, cpp = blocks("c")[0], blocks("cpp")[0]
        programs = {
            "readme.c": ("cc", "-std=c11", "#include <essequence/essequence.h>\n"
                         "#include <inttypes.h>\n#include <stdio.h>\n"
                         f"int main(void) {{\n{c}return 0;\n}}\n"),
            "readme.cpp": ("c++", "-std=c++17", cpp.replace("\n\n", "\nint main() {\n", 1) +
                           "return id == 2 ? 0 : 1;\n}\n")}
        for name, (compiler, standard, text) in programs.items():
            source = host.disk / name
            source.write_text(text)
            program = host.disk / (name + ".out")
            built = subprocess.run(
                [compiler, standard, "-Wall", "-Werror", str(source), "-o", str(program),
                 f"-I{ROOT / 'shmclient/include'}", f"-L{BUILD / 'lib'}", "-lessequence",
                 f"-Wl,-rpath,{BUILD / 'lib'}"], capture_output=True, text=True)
            self.assertEqual(built.returncode, 0, built.stderr)
            ended = subprocess.run([str(program)], capture_output=True, text=True, timeout=60,
                                   env={**os.environ,
                                        "ESSEQUENCE_RUNTIME_DIR": str(host.runtime_dir)})
            self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
            if name == "readme.c":
                self.assertEqual(ended.stdout, "1\n")
