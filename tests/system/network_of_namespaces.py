"""A network namespace for each of three nodes, with two cables: one to a switch (a bridge) over which
the nodes talk to each other, one to this machine over which clients talk to them. So the first can
be cut, and the node goes on answering clients. Needs root.
"""

import os
import subprocess

from elasticsearch_node import unprivileged_user


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class NetworkOfNamespaces:
    def __init__(self):
        # Names and addresses of this run alone: others may run beside it.
        self.number = os.getpid() % 250
        self.tag = f"eq{self.number}"
        self.names = [f"{self.tag}-{node}" for node in range(3)]

    def transport_address(self, node):
        # Of loopback's range, though it goes over a cable: outside of it Elasticsearch insists on
        # limits (open files, memory maps) that most machines do not have.
        return f"127.213.0.{node + 1}"

    def http_address(self, node):
        return f"10.213.{self.number}.{4 * node + 2}"

    def command_in(self, node):
        user, group = unprivileged_user()
        return ["nsenter", f"--net=/run/netns/{self.names[node]}", "--setuid", str(user),
                "--setgid", str(group)]

    def create(self):
        ip("link", "add", self.tag, "type", "bridge")
        ip("link", "set", self.tag, "up")
        for node, name in enumerate(self.names):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "address", "delete", "127.0.0.1/8", "dev", "lo")  # all of the range
            ip("-n", name, "address", "add", "127.0.0.1/32", "dev", "lo")
            ip("link", "add", f"{name}s", "type", "veth", "peer", "name", "switch", "netns", name)
            ip("netns", "exec", name, "sysctl", "-qw", "net.ipv4.conf.switch.route_localnet=1")
            ip("-n", name, "address", "add", f"{self.transport_address(node)}/24", "dev", "switch")
            ip("link", "add", f"{name}h", "type", "veth", "peer", "name", "host", "netns", name)
            ip("-n", name, "address", "add", f"{self.http_address(node)}/30", "dev", "host")
            ip("address", "add", f"10.213.{self.number}.{4 * node + 1}/30", "dev", f"{name}h")
            for cable in ("switch", "host"):
                ip("-n", name, "link", "set", cable, "up")
            for cable in ("s", "h"):
                ip("link", "set", name + cable, "up")
            self.mend(node)

    def cut(self, node):
        """Pulls the node's cable out of the switch: what it sends is lost, without a word to it."""
        ip("link", "set", f"{self.names[node]}s", "nomaster")

    def mend(self, node):
        ip("link", "set", f"{self.names[node]}s", "master", self.tag)

    def remove(self):
        cables = [["link", "delete", name + cable] for name in self.names for cable in ("s", "h")]
        namespaces = [["netns", "delete", name] for name in self.names]
        for command in (*cables, ["link", "delete", self.tag], *namespaces):
            subprocess.run(["ip", *command], capture_output=True, check=False)
