"""The checker of the other tests finds what is broken, and nothing where nothing is."""

import itertools
import json
import pathlib
import struct
import subprocess
import tempfile
import unittest

from instance import program

MAGIC = 0x3153454b41545145
UNTOLD, LEASED, RESET = 1 << 63, 1 << 62, 1 << 61  # as in take_file.h


class IdChecker(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="essequence-test.")
        self.addCleanup(directory.cleanup)
        self.paths = (pathlib.Path(directory.name) / str(number) for number in itertools.count())

    def thread(self, *takes):
        """The file of a thread that took (epoch, id, begin, end), …"""
        path = next(self.paths)
        path.write_bytes(struct.pack("<QQ16x", MAGIC, 1) +
                         b"".join(struct.pack("<Qqqq", *take) for take in takes))
        return str(path)

    def check(self, *arguments):
        ended = subprocess.run([program("id_checker"), *map(str, arguments)], capture_output=True,
                               text=True, timeout=60)
        return json.loads(ended.stdout), ended

    def assert_sound(self, *arguments):
        about, ended = self.check(*arguments)
        self.assertEqual((ended.returncode, about["problems"]), (0, 0), ended.stderr)
        return about

    def assert_broken(self, words, *arguments):
        about, ended = self.check(*arguments)
        self.assertEqual(ended.returncode, 1, about)
        self.assertRegex(ended.stderr, words)

    def test_an_id_twice_in_an_epoch_on_two_hosts(self):
        self.assert_broken("id 5 of epoch 1 was returned before",
                           "--host", self.thread((1, 5, 10, 11)),
                           "--host", self.thread((1, 5, 20, 21)))

    def test_an_epoch_that_was_not_told_is_that_of_its_neighbours(self):
        told = self.thread((1, 1, 10, 11), (1, 3, 30, 31), (2, 1, 40, 41), (2, 3, 60, 61))
        untold = self.thread((UNTOLD, 2, 20, 21), (UNTOLD, 2, 50, 51))
        about = self.assert_sound("--host", told, untold)
        self.assertEqual(about["uncertain"], 0)
        self.assertEqual([epoch["ids"] for epoch in about["epochs"].values()], [3, 3])
        again = self.thread((UNTOLD, 2, 22, 23))
        self.assert_broken("id 2 of epoch 1 was returned before", "--host", told, untold, again)

    def test_an_id_more_often_than_there_are_epochs(self):
        told = self.thread((1, 1, 10, 11), (2, 1, 90, 91))
        untold = [self.thread((UNTOLD, 7, 20, 80)) for _ in range(3)]
        self.assertEqual(self.assert_sound("--host", told, *untold[:2])["uncertain"], 2)
        self.assert_broken("id 7 was returned more often", "--host", told, *untold)
        told = self.thread((1, 1, 10, 11), (1, 7, 12, 13), (2, 1, 90, 91))
        self.assert_sound("--host", told, untold[0])
        self.assert_broken("id 7 was returned more often", "--host", told, *untold[:2])

    def test_order_on_a_host_and_not_across_hosts(self):
        first, second = self.thread((1, 9, 10, 11)), self.thread((1, 8, 12, 13))
        self.assert_sound("--host", first, "--host", second)
        self.assert_broken("id 8 of epoch 1, though", "--host", first, second)
        overlapping = self.thread((1, 7, 10, 13))
        self.assert_sound("--host", first, overlapping)
        self.assert_broken("comes after", "--host", self.thread((1, 9, 10, 11), (1, 7, 10, 11)))

    def test_a_lease_is_not_ordered_but_sees_a_cut(self):
        first = self.thread((1, 9, 10, 11))
        self.assert_sound("--host", first, self.thread((1 | LEASED, 8, 12, 13)))
        self.assert_broken("of epoch 1 was taken after epoch 2", "--host", first,
                           self.thread((2, 1, 12, 13)), self.thread((1 | LEASED, 8, 14, 15)))

    def test_a_reset_binds_its_host(self):
        late = self.thread((1, 9, 12, 13))
        self.assert_broken("of epoch 1 was taken after epoch 2", "--host", "--after", 11, 2, late)
        self.assert_sound("--host", "--after", 11, 2, "--host", late)
        self.assert_sound("--host", "--after", 12, 2, late)

    def test_a_reset_by_a_taker_makes_a_new_epoch(self):
        before, reset = (4, 9, 10, 11), (UNTOLD | RESET, 0, 12, 13)
        self.assert_sound("--host", self.thread(before, reset, (5, 1, 14, 15)))
        self.assert_broken("of epoch 4 was taken after epoch 5", "--host",
                           self.thread(before, reset), self.thread((4, 10, 14, 15)))
        self.assert_sound("--host", self.thread(before, reset), self.thread((4, 10, 13, 15)))

    def test_dense(self):
        self.assert_sound("--dense", 1, 2, self.thread((1, 1, 1, 2), (1, 2, 3, 4)))
        self.assert_broken("missing", "--dense", 1, 3, self.thread((1, 1, 1, 2), (1, 3, 3, 4)))


if __name__ == "__main__":
    unittest.main()
