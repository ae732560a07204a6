"""Three real nodes on loopback that are one cluster, for the tests that kill, stop and cut nodes.

The nodes miss each other within two seconds or so, not ten as they come: a test shall be short.
"""

import concurrent.futures
import contextlib
import http.client
import pathlib
import time

from elasticsearch_node import DEFAULT_VERSION, ElasticsearchNode, free_port

IMPATIENT = {f"cluster.fault_detection.{role}.{key}": value
             for role in ("follower_check", "leader_check")
             for key, value in (("interval", "500ms"), ("timeout", "1s"), ("retry_count", 2))}


class ElasticsearchCluster:
    def __init__(self, directory, version=DEFAULT_VERSION, network=None):
        """With `network` (network_of_namespaces.py) each node lives in a namespace of its own."""
        self.directory = pathlib.Path(directory)
        self.directory.chmod(0o755)  # the nodes run as another user
        self.network = network
        self.lost = set()  # nodes that run, and are frozen or cut off
        names = ["node-0", "node-1", "node-2"]
        ports = [free_port() for _ in names]
        addresses = [network.transport_address(i) if network else "127.0.0.1" for i in range(3)]
        common = {"cluster.initial_master_nodes": names,
                  "discovery.seed_hosts": [f"{a}:{p}" for a, p in zip(addresses, ports)],
                  "cluster.publish.timeout": "5s", **IMPATIENT}
        self.nodes = []
        for number, name in enumerate(names):
            own = {"node.name": name, "transport.port": ports[number],
                   "transport.host": addresses[number]}
            node = ElasticsearchNode(
                self.directory / name, version, {**common, **own},
                host=network.http_address(number) if network else "127.0.0.1",
                under=network.command_in(number) if network else ())
            node.name = name
            self.nodes.append(node)

    @property
    def urls(self):
        return [node.url for node in self.nodes]

    def start(self):
        """Starts the nodes that do not run, at once, and waits until all are one cluster."""
        down = [node for node in self.nodes if node.pid is None]
        with concurrent.futures.ThreadPoolExecutor() as threads:
            list(threads.map(ElasticsearchNode.launch, down))
        self.wait_for("wait_for_nodes=3")

    def stop(self):
        with concurrent.futures.ThreadPoolExecutor() as threads:
            list(threads.map(ElasticsearchNode.stop, self.nodes))

    def remove(self):
        for node in self.nodes:
            node.remove()

    def freeze(self, node):
        node.freeze()
        self.lost.add(node)

    def thaw(self, node):
        node.thaw()
        self.lost.discard(node)

    def cut(self, node):
        """The other nodes do not reach it any more; clients do."""
        self.network.cut(self.nodes.index(node))
        self.lost.add(node)

    def mend(self, node):
        self.network.mend(self.nodes.index(node))
        self.lost.discard(node)

    def request(self, method, path, body=None):
        """(status, decoded JSON) from the first node, of those not lost, that answers."""
        for node in self.nodes:
            if node.pid is not None and node not in self.lost:
                with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                    return node.request(method, path, body, timeout=10)
        raise RuntimeError(f"{method} {path}: no node of {self.urls} answers")

    def wait_for(self, condition, seconds=120):
        """Until the cluster's health fulfils `condition`, as wait_for_status=green."""
        deadline = time.monotonic() + seconds
        words = None
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError):
                status, words = self.request("GET", f"/_cluster/health?{condition}&timeout=2s&master_timeout=5s")
                if status == 200 and not words["timed_out"]:
                    return
            time.sleep(0.2)
        logs = "\n".join(f"--- {node.name}:\n{node.log()}" for node in self.nodes)
        raise RuntimeError(f"{condition} is not true after {seconds} s: {words}\n{logs}")

    def wait_until_whole(self):
        """All nodes are there, and every copy of every shard is in step."""
        self.wait_for("wait_for_nodes=3&wait_for_status=green&wait_for_no_relocating_shards=true")

    def node_with_primary(self, index):
        """The node that holds the primary of the one shard, in the master's eyes; None without."""
        status, state = self.request(
            "GET", f"/_cluster/state/routing_table,nodes/{index}?master_timeout=5s")
        indices = state.get("routing_table", {}).get("indices") if status == 200 else None
        for copy in indices[index]["shards"]["0"] if indices else []:
            if copy["primary"] and copy["state"] in ("STARTED", "RELOCATING"):
                name = state["nodes"][copy["node"]]["name"]
                return next(node for node in self.nodes if node.name == name)
        return None
