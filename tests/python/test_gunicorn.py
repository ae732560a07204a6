"""Gunicorn with a preloaded application, whose workers are killed and recycled at random.

ESSEQUENCE_TEST_SEED replays who is killed when.
"""

import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from on_a_sidecar import OnASidecar

SECONDS, WORKERS, THREADS, CLIENTS = 30, 8, 2, 6


class Gunicorn(OnASidecar):
    def serve(self):
        """The socket on which it answers."""
        self.socket = self.host.shared / "gunicorn.sock"
        self.log = open(self.host.disk / "gunicorn.log", "w+")
        self.addCleanup(self.log.close)
        self.gunicorn = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "gunicorn_app:app", "--preload", "--workers",
             str(WORKERS), "--threads", str(THREADS), "--max-requests", "150",
             "--max-requests-jitter", "100", "--bind", f"unix:{self.socket}"],
            cwd=pathlib.Path(__file__).parent, stdout=self.log, stderr=self.log)
        self.addCleanup(self.end)

    def end(self):
        self.gunicorn.terminate()
        self.gunicorn.wait(60)

    def said(self):
        self.log.seek(0)
        return self.log.read()[-3000:]

    def request(self):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        try:
            connection.sock.connect(str(self.socket))
            connection.request("GET", "/")
            reply = connection.getresponse()
            return json.loads(reply.read()) if reply.status == 200 else None
        finally:
            connection.close()

    def ask(self):
        """A client: asks until it is told to end."""
        while not self.done.is_set():
            try:
                answer = self.request()
            except (OSError, http.client.HTTPException, ValueError):
                answer = None  # whoever was to answer was killed
            with self.guard:
                if answer is None:
                    self.lost += 1
                else:
                    self.answers.append(answer)

    def kill_at_random(self):
        seed = int(os.environ.get("ESSEQUENCE_TEST_SEED") or random.randrange(2**32))
        print(f"gunicorn: seed {seed}")
        chance, kills = random.Random(seed), 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(chance.expovariate(5))
            children = pathlib.Path(
                f"/proc/{self.gunicorn.pid}/task/{self.gunicorn.pid}/children").read_text().split()
            if children:
                victim = int(chance.choice(children))
                kills += 1
                os.kill(victim, chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        return kills

    def test_a_storm(self):
        self.serve()
        self.done, self.guard, self.answers, self.lost = threading.Event(), threading.Lock(), [], 0
        clients = [threading.Thread(target=self.ask) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        kills = self.kill_at_random()
        self.done.set()
        for client in clients:
            client.join()
        self.assertIsNone(self.gunicorn.poll(), self.said())
        self.assertTrue(self.answers, self.said())

        ids = sorted(number for answer in self.answers for number in answer["ids"])
        self.assertEqual(len(ids), len(set(ids)), "an id was given twice")
        self.assertGreater(ids[0], 5, "an id from before the fork was given again")
        self.assertEqual({tuple(answer["before"]) for answer in self.answers}, {(1, 2, 3, 4, 5)})
        missing = ids[-1] - 5 - len(ids)
        workers = len({answer["pid"] for answer in self.answers})
        print(f"gunicorn: {len(ids)} ids in {len(self.answers)} answers of {workers} workers, "
              f"{kills} killed, {self.lost} requests without an answer, {missing} ids missing")
        # What a killed worker had in its hands.
        self.assertLessEqual(missing, len(self.answers[0]["ids"]) * THREADS * kills)
        self.assertGreater(workers, WORKERS)


if __name__ == "__main__":
    unittest.main()
