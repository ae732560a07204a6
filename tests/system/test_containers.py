"""The examples for containers: valid by their schemas, and true. There is no Docker here: the image is
made of the Dockerfile's own lines, and run, with systemd-nspawn."""

import atexit
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import debian_root
from debian_packages import packages, run
from instance import ROOT, eventually, program
from python_package import VirtualEnvironment

EXAMPLES = ROOT / "systemd/containers"
DOCKERFILE = (EXAMPLES / "Dockerfile").read_text()
FULL = "ESSEQUENCE_TEST_FULL" in os.environ
SCHEMAS = "check-jsonschema==0.39.0", "kubernetes-validate==1.37.0"


class Examples(unittest.TestCase):
    def test_what_they_set_is_known_to_the_sidecar(self):
        for name, pattern in (("compose.yaml", r"(ESSEQUENCE_\w+): (\S+)"),
                              ("daemonset.yaml", r"name: (ESSEQUENCE_\w+)\n\s+value: (\S+)")):
            variables = dict(re.findall(pattern, (EXAMPLES / name).read_text()))
            self.assertIn("ESSEQUENCE_ELASTICSEARCH_HOSTS", variables)
            with tempfile.NamedTemporaryFile("w") as secret:
                secret.write("secret\n")
                variables["ESSEQUENCE_ELASTICSEARCH_PASSWORD_FILE"] = secret.name
                run("env", *(f"{key}={value}" for key, value in variables.items()),
                    program("essequenced"), "--check-config")

    @unittest.skipUnless(FULL, "pip installs the schemas with --full only")
    def test_they_are_valid_by_their_schemas(self):
        with tempfile.TemporaryDirectory(prefix="essequence-schemas.") as directory:
            environment = VirtualEnvironment(directory)
            environment.pip("install", *SCHEMAS)
            programs = environment.python.parent
            run(programs / "check-jsonschema", "--builtin-schema", "vendor.compose-spec",
                EXAMPLES / "compose.yaml")
            said = run(programs / "kubernetes-validate", "--strict", EXAMPLES / "daemonset.yaml")
            self.assertEqual(re.findall(r"passed for resource (\S+)", said),
                             ["daemonset/essequenced", "pod/orders"])


@unittest.skipUnless(FULL, "an image is made with --full only")
@unittest.skipIf(debian_root.why_not_here(), debian_root.why_not_here())
class Image(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="essequence-image."))
        # On tmpfs, as the volume is; its owner is a number.
        self.ring = pathlib.Path(tempfile.mkdtemp(prefix="essequence-test.", dir="/dev/shm"))
        self.sidecar = None
        self.addCleanup(self.remove)
        atexit.register(self.remove)  # unittest skips the clean-up when it is interrupted
        self.root = self.directory / "root"
        debian_root.lay_out(self.root, "")

    def remove(self):
        atexit.unregister(self.remove)
        if self.sidecar is not None:
            self.sidecar.terminate()
            self.sidecar.wait(30)
        shutil.rmtree(self.directory)
        shutil.rmtree(self.ring)

    def command(self, *words, user="", ring=True):
        """Of a container of that image; `user`: options of setpriv, which tell numbers."""
        machine = re.sub(r"[\W_]", "-", f"{self.directory.name}-{self.root.name}")
        volume = [f"--bind={self.ring}:/run/essequence"] if ring else []
        identity = ["setpriv", *user.split()] if user else []
        return ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--register=no", "--keep-unit",
                f"--machine={machine}", "--as-pid2", "--console=pipe", "--bind-ro=/etc/hosts", *volume,
                "--", *identity, *words]

    def build(self):
        (self.root / "packages").mkdir()
        for package in packages():
            shutil.copy(package, self.root / "packages")
        lines = DOCKERFILE.replace("\\\n", "")
        steps = re.findall(r"^RUN (.*)$", lines, re.MULTILINE)
        self.assertEqual(len(steps), 2)
        for step in steps:
            run(*self.command("env", "DEBIAN_FRONTEND=noninteractive", "sh", "-ec", step, ring=False))
        return re.search(r'^ENTRYPOINT \["(\w+)"\]$', lines, re.MULTILINE).group(1)

    def test_it_serves_another_container_by_the_number_of_a_group(self):
        entry = self.build()
        numbers = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE).groups()
        self.assertEqual(numbers, ("8009", "8009"))
        os.chown(self.ring, 8009, 8009)
        self.ring.chmod(0o750)
        self.sidecar = subprocess.Popen(
            self.command(entry, "--source", "local",
                         user="--reuid=8009 --regid=8009 --clear-groups --bounding-set=-all"),
            stdin=subprocess.DEVNULL)
        eventually(self, (self.ring / "control.sock").exists)
        another = pathlib.Path(f"{self.root}-of-orders")
        run("cp", "-a", self.root, another)
        self.root = another
        for groups, outcome in (("--groups=8009", (0, "1\n")), ("--clear-groups", (4, ""))):
            ended = subprocess.run(self.command("essequencectl", "next", "orders",
                                                user=f"--reuid=1000 --regid=1000 {groups}"),
                                   text=True, stdout=subprocess.PIPE, timeout=60)
            self.assertEqual((ended.returncode, ended.stdout), outcome)


if __name__ == "__main__":
    unittest.main()
