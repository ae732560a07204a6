"""A session of the ancestor's, call by call, as its documentation shows it."""

import unittest

import essequence.sequence
from essequence import Sequence
from on_a_sidecar import OnASidecar, cluster


class Session(OnASidecar):
    def setUp(self):
        pass

    def session(self):
        Sequence.ES = object()
        self.addCleanup(setattr, Sequence, "ES", None)

        s1 = Sequence("s1")
        self.assertEqual(s1.next(), 1)
        self.assertEqual(s1.next(), 2)
        s2 = Sequence("s1", bulk_size=100)
        self.assertEqual(s2.next(), 3)
        self.assertEqual([s1.next() for _ in range(10)], [4, 5, 6, 7, 8, 9, 10, 11, 12, 13])

        other = Sequence("other")
        self.assertEqual(other.next(), 1)
        asstring = Sequence("other", transform=str)
        self.assertEqual(asstring.next(), "2")

        def transformer(iid):
            return {"iid": iid}

        self.assertEqual(Sequence("other", transform=transformer).next(), {"iid": 3})

        s1 = Sequence("reset")
        s2 = Sequence("reset")
        self.assertEqual(s1.next(), 1)
        self.assertEqual(s2.next(), 2)
        essequence.sequence.testing_reset_sequences()
        self.assertEqual(s2.next(), 1)
        self.assertEqual(s1.next(), 2)

    def test_on_the_local_source(self):
        self.sidecar()
        self.session()

    def test_on_elasticsearch(self):
        host = self.sidecar(cluster.url(), cluster.fresh_index(self))
        host.open("first")  # makes the index, which may take longer than a take waits
        self.session()


if __name__ == "__main__":
    unittest.main()
