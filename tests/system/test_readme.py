"""The README's own commands and programs, as they stand there. (Its two commands at the top are
tests by themselves; those that install are what systemd_container.sh does.)"""

import os
import re
import subprocess
import unittest

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
                    if line.startswith(("essequencectl ", "curl "))]
        self.assertGreater(len(commands), 8)
        for command in commands:
            with self.subTest(command):
                here = command.replace("/run/essequence", str(host.runtime_dir))
                here = here.replace("curl ", "curl --silent --show-error --fail ", 1)
                ended = subprocess.run(["bash", "-c", here], env=environment, text=True,
                                       capture_output=True, timeout=60)
                self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)

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
