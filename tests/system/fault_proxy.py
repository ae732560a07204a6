"""A proxy between a sidecar and the real Elasticsearch that spoils single requests and replies: by
script (`once`) or by chance (`storm`). Each fault is a function below; `counts` tells how often each
one struck.
"""

import collections
import contextlib
import http.client
import json
import socket
import threading
import time
import urllib.parse


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body

    @property
    def writes(self):
        verb = urllib.parse.urlsplit(self.target).path.split("/")[2:3]
        return self.method != "GET" and verb not in (["_mget"], ["_search"])

    def allocates(self, name):
        """The `iid` that it would give the sequence, if it does nothing else to it; else None. The
        body is one update, or the lines of several."""
        addressed = urllib.parse.urlsplit(self.target).path.split("/")
        current = urllib.parse.unquote(addressed[3]) if "_update" in addressed else None
        for line in self.body.splitlines():
            with contextlib.suppress(ValueError):
                part = json.loads(line)
                current = part.get("update", {}).get("_id", current)
                if current == name and set(part.get("doc", {})) == {"iid"}:
                    return part["doc"]["iid"]
        return None


class Reply:
    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    def updated(self, name):
        """Whether it says that the sequence was updated, alone or among several."""
        with contextlib.suppress(ValueError):
            told = json.loads(self.body)
            for one in [told, *(item.get("update", {}) for item in told.get("items", []))]:
                if one.get("_id") == name and one.get("result") == "updated":
                    return True
        return False

    def encode(self, length=None, body=None):
        """As it goes over the wire; `length` and `body` are what a fault says instead."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{key}: {value}" for key, value in self.headers]
        lines += [f"Content-Length: {len(self.body) if length is None else length}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (self.body if body is None else body)

    def encode_chunked(self):
        lines = [f"HTTP/1.1 {self.status} {self.reason}", "Transfer-Encoding: chunked"]
        lines += [f"{key}: {value}" for key, value in self.headers]
        parts = [self.body[i:i + 7] for i in range(0, len(self.body), 7)] + [b""]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + chunks


def page(status, reason, *headers):
    """What a proxy of the usual kind says of itself."""
    body = f"<html><head><title>{status} {reason}</title></head></html>".encode()
    return Reply(status, reason, [("Content-Type", "text/html"), *headers], body).encode()


def refusal(status, reason, kind, words):
    body = json.dumps({"error": {"type": kind, "reason": words}, "status": status}).encode()
    return Reply(status, reason, [("Content-Type", "application/json")], body).encode()


# ---- the faults. What they return: whether the connection stays open ----

# The request reaches Elasticsearch, and its reply the sidecar.

def delay(exchange):
    time.sleep(0.2)
    return exchange.send(exchange.pass_on().encode())


def chunked_reply(exchange):
    return exchange.send(exchange.pass_on().encode_chunked())


def slow_reply(exchange):
    return exchange.trickle(exchange.pass_on().encode(), 0.2)


def sent_twice(exchange):
    reply = exchange.pass_on()
    exchange.pass_on()
    return exchange.send(reply.encode())


# The request reaches Elasticsearch, and its reply never the sidecar.

def reply_lost(exchange):
    exchange.pass_on()
    return False


def reply_held_back(exchange):
    exchange.pass_on()
    return exchange.hang()


def reply_cut(exchange):
    whole = exchange.pass_on().encode()
    exchange.send(whole[:-10])
    return False


def reply_cut_in_its_head(exchange):
    exchange.send(exchange.pass_on().encode()[:30])
    return False


def endless_trickle(exchange):
    reply = exchange.pass_on()
    # Padded in front, where JSON permits it, so that the end never comes in time.
    return exchange.trickle(reply.encode(1_000_000, b" " * 1_000_000), 60)


def length_too_long(exchange):
    reply = exchange.pass_on()
    exchange.send(reply.encode(len(reply.body) + 10))
    return exchange.hang()


def length_too_short(exchange):
    reply = exchange.pass_on()
    return exchange.send(reply.encode(len(reply.body) - 10))  # the rest lies before the next one


def garbage(exchange):
    exchange.pass_on()
    exchange.send(b"\x00\xff\x17 what is this \r\n\r\n" * 20)
    return False


def bad_gateway(exchange):
    exchange.pass_on()
    return exchange.send(page(502, "Bad Gateway"))


def second_reply_of_two(exchange):
    exchange.pass_on()
    return exchange.send(exchange.pass_on().encode())


# The request never reaches Elasticsearch.

def request_lost(exchange):
    return False


def silence(exchange):
    return exchange.hang()


def unavailable(exchange):
    return exchange.send(page(503, "Service Unavailable"))


def redirected(exchange):
    return exchange.send(page(302, "Found", ("Location", "http://127.0.0.1:9/elsewhere")))


def too_large(exchange):
    return exchange.send(page(413, "Payload Too Large"))


def too_many(exchange):
    return exchange.send(refusal(429, "Too Many Requests", "es_rejected_execution_exception",
                                 "rejected execution"))


ANSWERED = [delay, chunked_reply, slow_reply, sent_twice]
DONE_UNHEARD = [reply_lost, reply_held_back, reply_cut, reply_cut_in_its_head, endless_trickle,
                length_too_long, length_too_short, garbage, bad_gateway]
UNDONE_UNHEARD = [silence, unavailable]
REFUSED = [redirected, too_large, too_many]
FAULTS = [*ANSWERED, *DONE_UNHEARD, *UNDONE_UNHEARD, *REFUSED, second_reply_of_two, request_lost]


class Exchange:
    """One request on its way."""

    def __init__(self, proxy, client, server, request):
        self.proxy, self.client, self.server, self.request = proxy, client, server, request
        self.replies = []

    def pass_on(self):
        """The server's reply to the request."""
        self.server.request(self.request.method, self.request.target, self.request.body or None,
                            self.request.headers)
        got = self.server.getresponse()
        headers = [(key, value) for key, value in got.getheaders()
                   if key.lower() not in ("content-length", "transfer-encoding", "connection")]
        reply = Reply(got.status, got.reason, headers, got.read())
        self.replies.append(reply)
        return reply

    def send(self, data):
        self.client.sendall(data)
        return True

    def trickle(self, data, seconds):
        """Sends it in steps, spread over so long."""
        step = len(data) // 100 + 1
        for begin in range(0, len(data), step):
            self.client.sendall(data[begin:begin + step])
            if self.proxy.stopped.wait(seconds / 100):
                break
        return True

    def hang(self):
        """Says nothing, and keeps the connection until the other side gives up."""
        while self.client.recv(65536):
            pass
        return False


class FaultProxy:
    def __init__(self, case, url):
        address = urllib.parse.urlsplit(url)
        self.server = (address.hostname, address.port)
        self.guard = threading.Lock()
        self.counts = collections.Counter()  # by the fault's name; "none" where there was none
        self.log = []  # (request, its fault or None, the server's reply), in no certain order
        self.under_way = 0  # requests that nobody has given up
        self.scripted = []  # (fault, of which requests)
        self.by_chance = None  # (random, probability)
        self.deck = []  # of faults: each one comes once before one comes again
        self.stopped = threading.Event()
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        case.addCleanup(self.stop)

    def once(self, fault, of=lambda request: True):
        """The next request for which of(request) holds meets the fault."""
        with self.guard:
            self.scripted.append((fault, of))

    def storm(self, random, probability):
        with self.guard:
            self.by_chance = (random, probability)

    def calm(self):
        with self.guard:
            self.scripted, self.by_chance = [], None

    def stop(self):
        self.stopped.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.guard:
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while not self.stopped.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.guard:
            self.connections.add(connection)
        server = http.client.HTTPConnection(*self.server, timeout=60)
        try:
            reader = connection.makefile("rb")
            while request := self._read(reader):
                if not self._answer(Exchange(self, connection, server, request)):
                    break
        except (OSError, http.client.HTTPException):
            pass  # one of the two sides went away
        finally:
            with self.guard:
                self.connections.discard(connection)
            server.close()
            with contextlib.suppress(OSError):  # the reader above holds it too
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _answer(self, exchange):
        with self.guard:
            self.under_way += 1
            fault = self._next_fault(exchange.request)
            self.counts[fault.__name__ if fault else "none"] += 1
        try:
            return fault(exchange) if fault else exchange.send(exchange.pass_on().encode())
        finally:
            with self.guard:
                self.under_way -= 1
                self.log += [(exchange.request, fault, reply) for reply in exchange.replies]

    def _next_fault(self, request):
        for script in self.scripted:
            if script[1](request):
                self.scripted.remove(script)
                return script[0]
        if self.by_chance is None or self.by_chance[0].random() >= self.by_chance[1]:
            return None
        if not self.deck:
            self.deck = self.by_chance[0].sample(FAULTS, len(FAULTS))
        return self.deck.pop()

    @staticmethod
    def _read(reader):
        first = reader.readline().decode()
        if not first.strip():
            return None
        method, target, _ = first.split(" ", 2)
        headers = {}
        while line := reader.readline().decode().strip():
            key, _, value = line.partition(":")
            headers[key.lower()] = value.strip()
        length = int(headers.pop("content-length", 0))
        headers.pop("host", None)
        headers.pop("connection", None)
        return Request(method, target, headers, reader.read(length))
