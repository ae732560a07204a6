"""A server that answers as no Elasticsearch should. For faults that a real one cannot be asked for."""

import socket
import threading


def http_reply(status, body, content_type="application/json", **headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}",
             f"Content-Length: {len(body.encode())}", "X-Elastic-Product: Elasticsearch"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def error_reply(status, kind, reason):
    return http_reply(f"{status} -", f'{{"error":{{"root_cause":[],"type":"{kind}","reason":'
                                     f'"{reason}"}},"status":{status}}}')


class FakeElasticsearch:
    """Sends `reply`, whatever is asked; None: reads and never answers; a function: what it makes of
    (method, path, body)."""

    def __init__(self, case, reply):
        self.reply = reply
        self.requests = 0
        self.heads = []  # of the requests: their first line and headers
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()
        case.addCleanup(self.stop)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        try:
            while data := connection.recv(65536):
                head, _, body = data.partition(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                while len(body) < length:
                    body += connection.recv(65536)
                self.requests += 1
                self.heads.append(head.decode())
                reply = self.reply
                if callable(reply):
                    reply = reply(*head.decode().split(" ")[:2], body.decode())
                if reply is not None:
                    connection.sendall(reply)
                    if reply[-1:] == b"\0":  # marks a reply that ends in the middle
                        connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.open:
            connection.close()
