"""A cluster with security on, as an operator has it: HTTPS, users with few rights, secrets in files.

The test distribution serves neither API keys nor the role API: those are played by a small server,
which tells what it was sent."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import administrator
import cluster
from fake_elasticsearch import FakeElasticsearch, http_reply
from instance import Instance, eventually
from secured_node import ADMIN, SIDECAR, Authority, SecuredNode

INDEX = "essequence"  # the name that the node's roles are for
SECRET = SIDECAR[1]


def authorizations(server):
    """The values of that header, of all requests."""
    fields = [line.partition(":") for head in server.heads for line in head.split("\r\n")]
    return {value.strip() for name, _, value in fields if name.lower() == "authorization"}


class Files:
    """A directory for secrets, gone with the test."""

    def __init__(self, case):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="essequence-secrets."))
        case.addCleanup(shutil.rmtree, self.directory)

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return str(path)


class Recorded(unittest.TestCase):
    """What goes over the wire, to a server that writes it down."""

    def setUp(self):
        self.files = Files(self)

    def host(self, server, **settings):
        return Instance(self, server.url, INDEX,
                        {"": {"log_level": "trace"}, "elasticsearch": settings})

    def test_an_api_key_is_sent_as_it_stands_in_its_file(self):
        server = FakeElasticsearch(self, http_reply("503 -", "{}"))
        key = base64.b64encode(b"id:secret").decode()
        host = self.host(server, api_key_file=self.files.write("key", key)).start()
        eventually(self, lambda: server.requests > 0)
        self.assertEqual(authorizations(server), {f"ApiKey {key}"})
        self.assertNotIn(key, host.log())

    def test_no_redirect_gets_the_credentials(self):
        elsewhere = FakeElasticsearch(self, http_reply("200 OK", "{}"))
        server = FakeElasticsearch(self, http_reply("302 Found", "", Location=elsewhere.url))
        password = self.files.write("password", SECRET)
        host = self.host(server, username="ids", password_file=password).start()
        host.request("PUT", "/v1/sequences/orders", {})
        detail = eventually(self, lambda: server.requests > 1 and host.source()["detail"])
        self.assertIn("redirects are not followed", detail)
        self.assertEqual(len(authorizations(server)), 1)
        self.assertEqual(elsewhere.requests, 0)

    def test_a_secret_shows_nowhere(self):
        server = FakeElasticsearch(self, http_reply("401 -", '{"error":"no"}'))
        password = self.files.write("password", SECRET)
        host = self.host(server, username="ids", password_file=password).start()
        host.request("PUT", "/v1/sequences/orders", {})
        encoded = base64.b64encode(f"ids:{SECRET}".encode()).decode()
        self.assertEqual(authorizations(server), {f"Basic {encoded}"})
        process = pathlib.Path(f"/proc/{host.process.pid}")
        printed = subprocess.run([*host.command(), "--print-config"], capture_output=True,
                                 text=True, check=True).stdout
        self.assertIn(password, printed)
        for text in (host.log(), json.dumps(host.expect(200, "GET", "/v1/status")), printed,
                     (process / "cmdline").read_text(), (process / "environ").read_text()):
            for secret in (SECRET, encoded):
                self.assertNotIn(secret, text)

    def test_a_relative_file_is_one_of_systemds_credentials(self):
        server = FakeElasticsearch(self, http_reply("503 -", "{}"))
        self.files.write("elasticsearch-key", "a2V5")
        with unittest.mock.patch.dict(os.environ,
                                      CREDENTIALS_DIRECTORY=str(self.files.directory)):
            self.host(server, api_key_file="elasticsearch-key").start()
        eventually(self, lambda: authorizations(server) == {"ApiKey a2V5"})

    def test_provision_makes_the_role_once(self):
        roles = {}

        def serve(method, path, body):
            """The role API; all else is passed on to the real node."""
            if not path.startswith("/_security/role/"):
                status, reply = cluster.request(method, path, json.loads(body or "null"))
                return http_reply(f"{status} -", json.dumps(reply))
            name = path.rpartition("/")[2]
            if method == "PUT":
                roles[name] = json.loads(body)
                return http_reply("200 OK", '{"role":{"created":true}}')
            if name not in roles:
                return http_reply("404 -", "{}")
            grant = {**roles[name]["indices"][0], "allow_restricted_indices": False}
            return http_reply("200 OK", json.dumps(
                {name: {"cluster": [], "indices": [grant], "applications": [], "run_as": [],
                        "metadata": {}, "transient_metadata": {"enabled": True}}}))

        server = FakeElasticsearch(self, serve)
        name = cluster.fresh_index(self)
        told, _ = administrator.run(self, "provision", "--index", name, url=server.url)
        self.assertIn("role essequence: created", told)
        self.assertEqual(roles, {"essequence": {"cluster": [], "indices": [
            {"names": [name], "privileges": ["read", "index"]}]}})
        told, _ = administrator.run(self, "provision", "--index", name, url=server.url)
        self.assertIn("role essequence: is there\n", told)

        roles["wide"] = {"indices": [{"names": ["*"], "privileges": ["all"]}]}
        told, problem = administrator.run(self, "provision", "--index", name, "--role", "wide",
                                          url=server.url, status=1)
        self.assertIn('"wide" grants something else', problem)
        self.assertEqual(roles["wide"]["indices"][0]["names"], ["*"])


@unittest.skipUnless(os.environ.get("ESSEQUENCE_TEST_FULL") == "1",
                     "takes a node of its own and a minute: only in tests/run --full")
class Secured(unittest.TestCase):
    """The real thing."""

    @classmethod
    def setUpClass(cls):
        cls.node = SecuredNode(tempfile.mkdtemp(prefix="essequence-secured."))
        cls.addClassCleanup(cls.node.remove)
        cls.node.start()

    def setUp(self):
        self.files = Files(self)
        self.password = self.files.write("password", SECRET)
        self.ca = str(self.node.authority.certificate)
        administrators = self.files.write("admin", ADMIN[1])
        self.administrator = ["--username", ADMIN[0], "--password-file", administrators,
                              "--ca-file", self.ca]
        # The role is in the node's roles.yml, and its role API cannot write another one.
        self.provisioned = administrator.run(self, "provision", *self.administrator,
                                             url=self.node.url, status=1)
        self.addCleanup(self.node.request, "DELETE", f"/{INDEX}-000001")

    def host(self, **settings):
        """A sidecar that may not create, as `ids` unless `settings` say otherwise."""
        trusted = {} if "ca_fingerprint" in settings else {"ca_file": self.ca}
        user = {"username": SIDECAR[0], "password_file": self.password}
        return Instance(self, self.node.url, INDEX, {"elasticsearch": {
            "create": False, **trusted, **user, **settings}})

    def works(self, host):
        host.start()
        self.assertEqual(len(host.next("orders", 3)), 3)
        self.assertTrue(host.source()["healthy"], host.source())

    def fails(self, host, words):
        """The cause stands in the status and in the log, in words."""
        host.start()
        status, reply = host.request("PUT", "/v1/sequences/orders", {})
        self.assertEqual(status, 503, reply)
        self.assertRegex(reply["error"]["reason"], words)
        self.assertRegex(host.source()["detail"], words)
        self.assertRegex(json.loads(host.ctl("--json", "status"))["source"]["detail"], words)
        self.assertRegex(host.log(), words)
        return host

    def test_provision_tells_the_role_that_it_could_not_make(self):
        told, problem = self.provisioned
        self.assertIn(f"index {INDEX}-000001: created", told)
        self.assertIn('"privileges": [\n        "read",\n        "index"\n', told)
        self.assertIn("could not be made", problem)
        told, problem = administrator.run(
            self, "provision", "--username", SIDECAR[0], "--password-file", self.password,
            "--ca-file", self.ca, url=self.node.url, status=1)
        self.assertIn("is granted by the index privileges", problem)

    def test_an_administrator_moves_sequences(self):
        host = self.host()
        self.works(host)
        host.stop()
        lines, _ = administrator.run(self, "export", *self.administrator, url=self.node.url)
        self.addCleanup(self.node.request, "DELETE", "/elsewhere-000001")
        there = ["--index", "elsewhere", *self.administrator]
        administrator.run(self, "provision", *there, url=self.node.url, status=1)  # but for the role
        told, _ = administrator.run(self, "import", *there, url=self.node.url, text=lines)
        self.assertIn("orders: imported", told)

    def test_the_minimal_role_is_enough(self):
        host = self.host()
        self.works(host)
        host.ctl("raise", "orders", "--above", 5_000)
        self.assertEqual(host.next("orders"), [5_001])
        host.ctl("reset", "orders")
        self.assertEqual(host.next("orders"), [1])
        path = f"/{INDEX}/_doc/orders"
        stored = self.node.request("GET", path)[1]["_source"]
        self.node.request("PUT", path, {**stored, "iid": 0})
        self.node.request("POST", f"/{INDEX}/_update/_essequence", {"doc": {"iid": 10_000}})
        eventually(self, lambda: host.show("orders")["state"] == "fenced")
        eventually(self, lambda: host.request("POST", "/v1/sequences/orders/unfence",
                                              {"above": 1_000_000})[0] == 200)
        self.assertEqual(host.next("orders"), [1_000_001])
        # Two rights that it does not have, and says so.
        reply = host.expect(503, "DELETE", "/v1/sequences/orders")
        self.assertRegex(reply["error"]["reason"], r"granted by .*\bdelete\b")
        self.assertEqual(host.next("orders"), [1_000_002])
        self.assertEqual(self.node.request("PUT", "/other", user=SIDECAR)[0], 403)
        self.assertEqual(self.node.request("GET", f"/{INDEX}-000001/_doc/orders",
                                           user=SIDECAR)[0], 403)

    def test_a_missing_privilege_is_named(self):
        self.fails(self.host(username="reader",
                             password_file=self.files.write("reader", "may only read")),
                   r"reader.*granted by .*\bindex\b")

    def test_a_wrong_password_until_it_is_renewed(self):
        self.files.write("password", "yesterday's")
        host = self.fails(self.host(), r"check username and password_file")
        # Also if nobody asks for anything.
        eventually(self, lambda: "polling the source: " in host.log())
        self.files.write("password", SECRET)
        eventually(self, lambda: "the source answers again" in host.log())
        self.assertEqual(len(host.next("orders")), 1)

    def test_authorities(self):
        self.works(self.host(ca_fingerprint=self.node.authority.fingerprint()))
        other = Authority(self.files.directory / "other", "other")
        trusted = self.files.write("ca.pem", other.certificate.read_text())
        host = self.fails(self.host(ca_file=trusted), r"ca_file or ca_fingerprint")
        self.files.write("ca.pem", self.node.authority.certificate.read_text())  # renewed
        eventually(self, lambda: host.source()["healthy"])
        self.fails(self.host(ca_fingerprint=other.fingerprint()), r"authority of ca_fingerprint")

    def test_the_servers_certificate(self):
        authority = self.node.authority
        self.addCleanup(self.node.present, *self.node.certificate)
        for certificate, words in (
                (authority.issue("another", "DNS:another.example,IP:127.0.0.2"),
                 "not for the name or address"),
                (authority.issue("old", "IP:127.0.0.1", days=-1), "has expired; renew it")):
            with self.subTest(words):
                self.node.present(*certificate)
                eventually(self, lambda: self.node.shows(certificate[0]))
                host = self.fails(self.host(), words)
                self.node.present(*self.node.certificate)  # mended: it goes on by itself
                eventually(self, lambda: host.source()["healthy"])
                self.assertEqual(len(host.next("orders")), 1)
                eventually(self, lambda: self.node.shows(self.node.certificate[0]))

    def test_a_client_certificate_is_who_the_sidecar_is(self):
        certificate, key = map(str, self.node.authority.issue("machine"))
        self.works(self.host(username="", password_file="", cert_file=certificate, key_file=key))
        stranger = Authority(self.files.directory / "strangers", "strangers").issue("machine")
        certificate, key = map(str, stranger)
        self.fails(self.host(username="", password_file="", cert_file=certificate, key_file=key),
                   r"refuses this client: .*certificate.*cert_file")


if __name__ == "__main__":
    unittest.main()
