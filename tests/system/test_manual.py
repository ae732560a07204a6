"""The manual and the completion, as they are installed, beside what the programs themselves say."""

import gzip
import os
import re
import subprocess
import unittest

from debian_packages import run
from instance import BUILD, ROOT, Instance, program

MADE = BUILD / "systemd/manual"
PAGES = ("essequenced.8", "essequencectl.1", "essequence.toml.5", "essequence.3")
FULL = "ESSEQUENCE_TEST_FULL" in os.environ


def page(name):
    """Its words, as a reader sees them."""
    return gzip.decompress((MADE / f"{name}.gz").read_bytes()).decode().replace("\\-", "-")


def options(*command):
    """Those that its --help lists."""
    return re.findall(r"^  (?:-\w,)?(--[\w-]+)", run(*command, "--help"), re.MULTILINE)


def verbs():
    return re.findall(r"^  (\w+)  ", run(program("essequencectl"), "--help")
                      .partition("Subcommands:")[2], re.MULTILINE)


def completed(*words, **environment):
    """What bash offers for the last of the words."""
    script = (f"source {MADE}/{words[0]}.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
              f"_{words[0]} 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return subprocess.run(["bash", "-c", script, "bash", *words], check=True, text=True,
                          capture_output=True, timeout=60,
                          env={**os.environ, "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}",
                               **environment}).stdout.splitlines()


class Manual(unittest.TestCase):
    def test_tells_every_verb_and_option(self):
        self.assertIn("status", verbs())
        text = page("essequencectl.1")
        for verb in verbs():
            about = text.partition(f'.SS "{verb}')[2].partition(".SS ")[0]
            self.assertTrue(about, verb)
            for option in options(program("essequencectl"), verb):
                if option != "--help":
                    self.assertIn(option, about, verb)
        for option in options(program("essequenced")):
            if option != "--help":
                self.assertIn(option, page("essequenced.8"))

    def test_tells_every_key_of_the_file(self):
        text = page("essequence.toml.5")
        printed = run(program("essequenced"), "--source", "local", "--print-config")
        keys = re.findall(r"^(\w+) = ", printed, re.MULTILINE)
        self.assertIn("cover", keys)
        for key in keys:
            self.assertIn(f'.B "{key}"', text)

    def test_tells_every_function_and_status_of_the_library(self):
        header = (ROOT / "shmclient/include/essequence/essequence.h").read_text()
        text = page("essequence.3")
        prototypes = re.findall(r"ESSEQUENCE_API ([^#]*?\b(essequence_\w+)\([^;]*;)", header)
        self.assertGreater(len(prototypes), 8)
        for prototype, name in prototypes:
            self.assertIn(" ".join(prototype.split()), " ".join(text.split()))
            self.assertIn(f".BR {name} ()", text)
        for status in re.findall(r"^  (ESSEQUENCE_\w+) = \d", header, re.MULTILINE):
            self.assertIn(f".B {status}\n", text)

    @unittest.skipUnless(FULL, "man and mandoc are installed with --full only")
    def test_is_rendered_without_a_warning(self):
        for name in PAGES:
            said = run("mandoc", "-Tlint", "-Wwarning", MADE / f"{name}.gz")
            self.assertEqual(said, "", name)
            told = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
                                   MADE / f"{name}.gz"], text=True, capture_output=True, timeout=60,
                                  env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80",
                                       "LC_ALL": "C.UTF-8"})
            self.assertEqual((told.returncode, told.stderr), (0, ""), name)


class Completion(unittest.TestCase):
    def test_knows_verbs_options_and_their_values(self):
        self.assertEqual(set(verbs()) - set(completed("essequencectl", "")), set())
        self.assertEqual(completed("essequencectl", "--json", "unf"), ["unfence"])
        self.assertEqual(completed("essequencectl", "create", "orders", "--abo"),
                         ["--above", "--above-field"])
        self.assertEqual(completed("essequencectl", "create", "orders", "--order", ""),
                         ["host", "cluster"])
        self.assertEqual(completed("essequenced", "--source", "l"), ["local"])
        self.assertEqual(completed("essequenced", "--config", str(ROOT / "READ")),
                         [str(ROOT / "README.md")])

    def test_knows_the_sequences_of_the_sidecar(self):
        host = Instance(self).start()
        for name in ("orders", "orders.old", "users"):
            host.open(name)
        self.assertEqual(completed("essequencectl", "show", "ord",
                                   ESSEQUENCE_RUNTIME_DIR=str(host.runtime_dir)),
                         ["orders", "orders.old"])
        self.assertEqual(completed("essequencectl", "--runtime-dir", str(host.runtime_dir), "reset",
                                   "us"), ["users"])

    def test_a_name_is_never_run(self):
        host = Instance(self).start()
        names = ["$(id)", "&id", "`id`", "!id", "a b", "a'b", "a;id", "~", "*"]
        for name in names + ["-rf"]:
            host.open(name)
        environment = {"ESSEQUENCE_RUNTIME_DIR": str(host.runtime_dir), "LC_ALL": "C.UTF-8"}
        offered = [word for word in completed("essequencectl", "show", "", **environment)
                   if not word.startswith("-")]
        # What another bash makes of them is their names again, and nothing else.
        said = run("bash", "-c", f"printf '%s\\n' {' '.join(offered)}")
        self.assertEqual(sorted(said.splitlines()), sorted(names))
        # What was typed of one is quoted, too.
        self.assertEqual(completed("essequencectl", "show", "a\\;i", **environment), ["a\\;id"])


if __name__ == "__main__":
    unittest.main()
