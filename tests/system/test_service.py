"""The packages in a real systemd: what an operator does to the service, and what those who take ids
meanwhile notice of it."""

import json
import pathlib
import re
import tempfile
import unittest

import debian_root
from container import Container
from debian_packages import next_version, packages
from instance import ROOT, eventually, program

README = (ROOT / "README.md").read_text()
LOCAL = 'source = "local"\n'
CONFIG = "/etc/essequence/essequence.toml"

# In no group of ours but where a unit says so.
USERS = """u worker - "takes ids"
g essequence-two -
"""


# An unprivileged container: namespaces of the user, of processes, of mounts.
CONTAINED = ("bwrap --unshare-all --as-pid-1 --ro-bind / / --tmpfs /run --bind /run/essequence /run/ids "
             "--bind /var/tmp /var/tmp")


def as_worker(command, group="essequence"):
    """In a unit of its own."""
    groups = f"-p SupplementaryGroups={group}" if group else ""
    return f"systemd-run --quiet --pipe --wait --collect -p User=worker {groups} {command}"


def readme_commands(words):
    """The README's commands of root's that hold these words, as they can be run in the container."""
    lines = [line.partition("  #")[0] for line in README.splitlines()]
    found = [line.removeprefix("sudo ").replace("./build/release/packages/", "/packages/")
             for line in lines if line.startswith("sudo ") and words in line]
    if not found:
        raise AssertionError(f"the README has no command with {words}")
    return " && ".join(found)


class Installed(Container):
    """With the packages in it, and as they are then: `fresh_status` is what the sidecar says."""

    def __init__(self, case):
        super().__init__(case)
        (self.root / "packages").mkdir()
        for package in packages():
            self.put(package, "/packages")
        for name in ("taker", "id_checker"):
            self.put(program(name), "/usr/local/bin")
        (self.root / "etc/sysusers.d").mkdir(exist_ok=True)
        (self.root / "etc/sysusers.d/test.conf").write_text(USERS)
        self.tell(readme_commands("apt-get install"), timeout=120)
        self.tell(f"systemd-sysusers && {readme_commands('usermod')}")
        self.fresh_status = self.tell(
            "for i in {1..100}; do essequencectl --json status && exit; sleep 0.1; done; exit 1")

    def configure(self, text, unit="essequenced"):
        (self.root / CONFIG.lstrip("/")).write_text(text)
        self.tell(f"systemctl restart {unit}")

    def state(self, *properties, unit="essequenced"):
        """{property: value} of a unit."""
        names = ",".join(properties)
        told = self.tell(f"systemctl show --property={names} {unit}")
        return dict(line.split("=", 1) for line in told.splitlines())

    def next(self, count=1, sequence="orders", command=as_worker):
        """Ids, taken by another unit that has the group."""
        return [int(line) for line in self.tell(
            command(f"essequencectl next {sequence} -n {count} --timeout 10")).split()]


class Taker:
    """A unit that takes ids all the time, until it is ended; none of its takes may fail."""

    def __init__(self, container, sequence, under="", run="/run/essequence"):
        self.container, self.sequence = container, sequence
        self.out = f"/var/tmp/{sequence}"
        container.tell(
            f"systemd-run --quiet --collect --unit=taker-{sequence} -p User=worker "
            f"-p SupplementaryGroups=essequence -p StandardOutput=file:{self.out}.json "
            f"{under} taker --runtime-dir {run} --sequence {sequence} "
            f"--seconds 600 --rate 20000 --timeout 5 --out {self.out}")

    def taken(self):
        file = self.container.root / self.out.lstrip("/")
        return file.stat().st_size if file.exists() else 0

    def end(self, case):
        """Its ids are 1, 2, 3, … without a gap, in this order."""
        self.container.tell(f"systemctl stop taker-{self.sequence}")
        summary = json.loads((self.container.root / f"{self.out}.json".lstrip("/")).read_text())
        case.assertEqual((summary["timeouts"], summary["unavailable"], summary["errors"]), (0, 0, 0),
                         summary)
        case.assertGreater(summary["taken"], 1000)
        self.container.tell(f"id_checker --dense 1 {summary['taken']} {self.out}")


@unittest.skipIf(debian_root.why_not_here(), debian_root.why_not_here())
class Service(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.container = Installed(cls)
        cls.container.configure(LOCAL)

    def setUp(self):
        self.addCleanup(self.container.configure, LOCAL)

    def test_a_new_installation_is_up_and_says_what_it_waits_for(self):
        status = json.loads(self.container.fresh_status)
        self.assertEqual(status["source"]["kind"], "elasticsearch")
        self.assertFalse(status["source"]["healthy"])
        self.assertRegex(status["source"]["detail"], r"127\.0\.0\.1:9200")
        self.assertEqual(self.container.tell("systemctl is-enabled essequenced"), "enabled")

    def test_its_files_have_their_owner_and_modes(self):
        self.assertEqual(
            self.container.tell("cd /run/essequence && stat -c '%a %U:%G %n' . * /var/lib/essequence"),
            "750 essequence:essequence .\n"
            "660 essequence:essequence control.sock\n600 essequence:essequence lock\n"
            "640 essequence:essequence ring\n660 essequence:essequence tickets\n"
            "750 essequence:essequence /var/lib/essequence")

    def test_what_it_may_do_is_little(self):
        for unit in ("essequenced", "essequenced@two"):
            self.container.tell(f"systemd-analyze security --threshold=15 {unit}")

    def test_who_is_in_the_group_takes_ids_and_nobody_else(self):
        container = self.container
        self.assertEqual(container.next(3, "group"), [1, 2, 3])
        by_member = container.tell("runuser -u www-data -- essequencectl next group")
        self.assertEqual(by_member, "4")
        status, said = container.run(as_worker("essequencectl next group", group=None))
        self.assertEqual(status, 4, said)
        self.assertRegex(said, "(?i)permi")
        status, said = container.run(as_worker("essequencectl reset group"))
        self.assertEqual(status, 4, said)
        self.assertIn("reset", said)

    def test_the_doctor_is_content(self):
        self.container.tell(as_worker("essequencectl doctor"))

    def test_a_python_program_takes_ids_too(self):
        said = self.container.tell(as_worker(
            "/usr/bin/python3 -c 'import essequence; print(*essequence.Sequence(\"python\").take(5))'"))
        self.assertEqual(said, "1 2 3 4 5")

    def test_attached_clients_notice_nothing(self):
        container = self.container
        takers = [Taker(container, "attached"),
                  Taker(container, "contained", CONTAINED, "/run/ids")]
        self.addCleanup(container.run, "systemctl kill -s KILL 'taker-*'")
        for taker in takers:
            eventually(self, taker.taken, words=container.run("journalctl -u 'taker-*' -n 20")[1])
        for event in (self.restart, self.kill, self.hang, self.reload, self.upgrade, self.pause):
            with self.subTest(event.__name__):
                before = [taker.taken() for taker in takers]
                event()
                # More than the files hold back.
                eventually(self, lambda: all(taker.taken() > size + 65536
                                             for taker, size in zip(takers, before)))
        for taker in takers:
            taker.end(self)

    def pid(self):
        return int(self.container.state("MainPID")["MainPID"])

    def another(self, before):
        """It is up again, as another process."""
        def up():
            about = self.container.state("MainPID", "ActiveState")
            return about["ActiveState"] == "active" and int(about["MainPID"]) not in (0, before)
        eventually(self, up, 60)

    def restart(self):
        before = self.pid()
        self.container.tell("systemctl restart essequenced")
        self.another(before)

    def kill(self):
        before = self.pid()
        self.container.kill("SIGKILL", before)
        self.another(before)

    def hang(self):
        self.assertEqual(self.container.state("WatchdogUSec")["WatchdogUSec"], "10s")
        before = self.pid()
        self.container.kill("SIGSTOP", before)
        self.another(before)
        self.assertIn("Watchdog timeout", self.container.tell("journalctl -u essequenced"))

    def reload(self):
        before = self.pid()
        self.container.tell("systemctl reload essequenced")
        self.assertEqual(self.pid(), before)

    def upgrade(self):
        """The configuration that was edited is kept."""
        container, before = self.container, self.pid()
        with tempfile.TemporaryDirectory(prefix="essequence-upgrade.") as directory:
            (container.root / "later").mkdir()
            for package in next_version(pathlib.Path(directory)):
                container.put(package, "/later")
        container.tell("apt-get install -y -o Dpkg::Options::=--force-confold /later/*.deb", timeout=120)
        self.another(before)
        self.assertIn("+later", container.tell("dpkg-query -W essequence"))
        self.assertEqual(container.tell(f"cat {CONFIG}"), LOCAL.strip())
        self.assertIn("later release", container.tell(f"cat {CONFIG}.dpkg-dist"))

    def pause(self):
        self.container.tell("systemctl stop essequenced")
        self.assertEqual(self.container.tell("ls /run/essequence | paste -sd ' '"), "lock ring tickets")
        self.container.tell("systemctl start essequenced")

    def test_a_reload_takes_hold(self):
        container = self.container
        self.assertEqual(container.next(5, "reloaded"), [1, 2, 3, 4, 5])
        container.tell(f"printf '[control]\\nreset = \"group\"\\n' >>{CONFIG}")
        container.tell("systemctl reload essequenced")
        eventually(self, lambda: container.run(as_worker("essequencectl reset reloaded"))[0] == 0)
        self.assertEqual(container.next(1, "reloaded"), [1])
        told = "journalctl -o cat -u essequenced ESSEQUENCE_EVENT=change SEQUENCE=reloaded"
        eventually(self, lambda: "/v1/sequences/reloaded/reset" in container.tell(told))

    def test_a_broken_configuration_fails_once_with_words(self):
        container = self.container
        self.assertEqual(container.next(2, "broken"), [1, 2])
        container.tell(f"echo 'souce = 1' >{CONFIG}")
        # A reload of it changes nothing.
        container.tell("systemctl reload essequenced")
        words = "essequence.toml:1: unknown key souce"
        eventually(self, lambda: words in container.tell("journalctl -u essequenced"))
        self.assertEqual(container.next(1, "broken"), [3])
        # Nor does it start with it, nor try to again.
        self.assertNotEqual(container.run("systemctl restart essequenced")[0], 0)
        self.assertEqual(container.state("ActiveState", "ExecMainStatus", "NRestarts"),
                         {"ActiveState": "failed", "ExecMainStatus": "78", "NRestarts": "0"})
        self.assertIn(words, container.tell("journalctl -u essequenced | tail -n 5"))

    def test_a_secret_that_only_root_can_read_is_handed_over(self):
        container, drop_in = self.container, "/etc/systemd/system/essequenced.service.d"
        container.tell("install -m 600 /dev/null /etc/essequence/elastic.secret && "
                       "echo secret >/etc/essequence/elastic.secret")
        template = (container.root / "usr/lib/systemd/system/essequenced.service").read_text()
        shown = re.search(r"^#(LoadCredential=.*)$", template, re.MULTILINE).group(1)
        container.tell(f"mkdir {drop_in} && printf '[Service]\n{shown}\n' >{drop_in}/secret.conf && "
                       "systemctl daemon-reload")
        self.addCleanup(container.tell, f"rm -r {drop_in} && systemctl daemon-reload")
        container.configure('[elasticsearch]\nhosts = ["http://127.0.0.1:9200"]\n'
                            'username = "sidecar"\npassword_file = "password"\n')
        detail = json.loads(container.tell("essequencectl --json status"))["source"]["detail"]
        self.assertIn("127.0.0.1:9200", detail)  # it got as far as to ask
        self.assertNotIn("password", detail)

    def test_instances_do_not_see_each_other(self):
        container = self.container
        (container.root / "etc/essequence/two.toml").write_text(LOCAL)
        container.tell("systemctl start essequenced@two")
        self.addCleanup(container.tell, "systemctl stop essequenced@two")
        take = "essequencectl --runtime-dir /run/essequence-two next instances"
        self.assertEqual(container.next(2, "instances"), [1, 2])
        self.assertEqual(container.tell(as_worker(take, "essequence-two")), "1")
        self.assertEqual(container.run(as_worker(take, "essequence"))[0], 4)
        self.assertEqual(container.run(as_worker("essequencectl next instances", "essequence-two"))[0], 4)

    def test_a_boot_brings_it_up_without_elasticsearch(self):
        container = self.container
        self.assertEqual(container.next(2, "boot"), [1, 2])
        container.reboot()
        moment = "ActiveEnterTimestampMonotonic"
        network = container.state(moment, unit="network-online.target")[moment]
        self.assertLess(int(network), int(container.state("ExecMainStartTimestampMonotonic")
                                          ["ExecMainStartTimestampMonotonic"]))
        self.assertGreater(int(network), 0)
        first = container.next(1, "boot")[0]
        self.assertGreater(first, 2)  # what was in the ring is a gap, and all of it counts as lost
        about = json.loads(container.tell("essequencectl --json show boot"))
        self.assertEqual(about["lost_total"]["burnt_ring"], first - 1, about)
        # On the packaged source, too, which is not there.
        container.configure((ROOT / "systemd/essequence.toml").read_text())
        container.reboot()
        self.assertEqual(container.tell("systemctl is-active essequenced"), "active")


@unittest.skipIf(debian_root.why_not_here(), debian_root.why_not_here())
class Removal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.container = Installed(cls)

    def test_remove_keeps_and_purge_deletes(self):
        container = self.container
        container.configure(LOCAL)
        self.assertEqual(container.next(3), [1, 2, 3])
        container.tell(readme_commands("apt-get purge").replace("purge", "remove"), timeout=120)
        self.assertNotEqual(container.run("systemctl is-active essequenced")[0], 0)
        self.assertEqual(container.tell(f"cat {CONFIG}"), LOCAL.strip())
        # A purge leaves what another sidecar uses meanwhile, as one in a container.
        for directory in ("/run/essequence", "/var/lib/essequence"):
            said = container.tell(f"flock {directory}/lock /var/lib/dpkg/info/essequence.postrm purge")
            self.assertIn("are left", said)
            self.assertNotIn("removed", said)
        container.tell("cd /packages && apt-get install -y ./essequence_*.deb", timeout=120)
        self.assertEqual(container.next(3), [4, 5, 6])
        container.tell("mount --bind /var/lib/essequence /var/lib/essequence")  # a disk of its own
        said = container.tell(readme_commands("apt-get purge"), timeout=120)
        for words in ("local store is removed", "journal is removed", "ring is removed"):
            self.assertIn(words, said)
        self.assertEqual(container.tell("ls -A /var/lib/essequence"), "")
        for path in ("/etc/essequence", "/run/essequence",
                     "/etc/systemd/system/multi-user.target.wants/essequenced.service"):
            self.assertEqual(container.run(f"test -e {path}")[0], 1, path)


if __name__ == "__main__":
    unittest.main()
