"""A node with security on: HTTPS with certificates of an authority that is made here, users and roles
from files. What the test distribution cannot serve is what needs the index .security: API keys and
the role API."""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import ssl
import subprocess

from elasticsearch_node import ElasticsearchNode, unprivileged_user

ADMIN = ("admin", "the administrator's own")
SIDECAR = ("ids", "a secret of the sidecar")

# The role that `essequencectl provision` prints, and what its user must not need.
ROLES = """\
essequence:
  cluster: []
  indices:
    - names: [ "essequence" ]
      privileges: [ "read", "index" ]
reader:
  cluster: []
  indices:
    - names: [ "essequence" ]
      privileges: [ "read" ]
"""
USERS = {ADMIN: "superuser", SIDECAR: "essequence", ("reader", "may only read"): "reader"}


class Authority:
    """A certificate authority in a directory of its own, by the command openssl."""

    def __init__(self, directory, name="authority"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.certificate = self.directory / f"{name}.pem"
        self.key = self.directory / f"{name}.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", "2",
                      "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")

    def issue(self, name, alternative="", days=1):
        """(certificate and authority, key) for `name`; days < 0: one that has expired."""
        key, request = self.directory / f"{name}.key", self.directory / f"{name}.csr"
        certificate, extensions = self.directory / f"{name}.pem", self.directory / f"{name}.ext"
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extensions.write_text("basicConstraints=CA:FALSE\n" +
                              (f"subjectAltName={alternative}\n" if alternative else ""))
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                      "-CAcreateserial", "-out", certificate, "-days", days, "-extfile", extensions)
        certificate.write_text(certificate.read_text() + self.certificate.read_text())
        return certificate, key

    def fingerprint(self):
        return self._openssl("x509", "-in", self.certificate, "-noout", "-fingerprint",
                             "-sha256").strip().partition("=")[2]

    def _openssl(self, *arguments):
        return subprocess.run(["openssl", *map(str, arguments)], check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def password_hash(password):
    """As the file realm reads it."""
    salt = os.urandom(32)
    derived = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 10000, 32)
    return "{PBKDF2}10000$" + "$".join(base64.b64encode(part).decode() for part in (salt, derived))


SETTINGS = {
    "xpack.security.enabled": True,
    "xpack.license.self_generated.type": "trial",  # for client certificates as users
    "xpack.security.authc.password_hashing.algorithm": "pbkdf2",
    "xpack.security.http.ssl.enabled": True,
    "xpack.security.http.ssl.certificate": "node.pem",
    "xpack.security.http.ssl.key": "node.key",
    "xpack.security.http.ssl.certificate_authorities": "authority.pem",
    "xpack.security.http.ssl.client_authentication": "optional",
    "xpack.security.authc.realms.file.people.order": 0,
    "xpack.security.authc.realms.pki.machines.order": 1,
    "xpack.security.authc.realms.pki.machines.certificate_authorities": "authority.pem",
    "resource.reload.interval.high": "1s",  # how often it looks at its certificates
}


class SecuredNode(ElasticsearchNode):
    def __init__(self, directory):
        super().__init__(directory, settings=SETTINGS)
        self.authority = Authority(self.directory / "authority")
        self.certificate = self.authority.issue("node", "IP:127.0.0.1")

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def _lay_out(self):
        super()._lay_out()
        config = self.home / "config"
        shutil.copy(self.authority.certificate, config / "authority.pem")
        (config / "users").write_text(
            "".join(f"{name}:{password_hash(password)}\n" for name, password in USERS))
        (config / "users_roles").write_text(
            "".join(f"{role}:{name}\n" for (name, _), role in USERS.items()))
        (config / "roles.yml").write_text(ROLES)
        (config / "role_mapping.yml").write_text('essequence: [ "CN=machine" ]\n')
        self.present(*self.certificate)

    def present(self, certificate, key):
        """Shows another certificate from now on: the node looks at its files each second."""
        config = self.home / "config"
        for source, name in ((key, "node.key"), (certificate, "node.pem")):
            shutil.copy(source, config / (name + ".new"))
            (config / (name + ".new")).rename(config / name)
        self._give_away()

    def shows(self, certificate):
        """Whether that is the one that it presents by now."""
        now = ssl.get_server_certificate(("127.0.0.1", self.port))
        return certificate.read_text().startswith(now)

    def _give_away(self):
        user = unprivileged_user()
        if user:
            subprocess.run(["chown", "-R", f"{user[0]}:{user[1]}", str(self.home / "config")],
                           check=True)

    def request(self, method, path, body=None, timeout=30, user=ADMIN):
        trusting = ssl._create_unverified_context()  # the tests are not what is tested
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                                 context=trusting)
        credentials = base64.b64encode(":".join(user).encode()).decode()
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json",
                                "Authorization": f"Basic {credentials}"})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read() or b"null")
        finally:
            connection.close()
