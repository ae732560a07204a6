"""A bad name is refused at every door, with words: the C interface, the socket, the command line."""

import ctypes
import unittest
import urllib.parse

from instance import BUILD, INVALID, Instance

BAD = {"empty": "", "too long": "a" * 256, "too long in bytes": "ä" * 128, "underscore": "_orders",
       "control character": "or\nders", "delete character": "or\x7fders", "slash": "or/ders",
       "dot": ".", "dots": ".."}
BAD_BYTES = {**{what: name.encode() for what, name in BAD.items()}, "not UTF-8": b"or\xffders",
             "overlong UTF-8": b"or\xc0\xafders"}


class Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("runtime_dir", ctypes.c_char_p),
                ("timeout_ns", ctypes.c_int64), ("bulk_size", ctypes.c_uint64)]


class BadNames(unittest.TestCase):
    def test_control_socket_answers_400(self):
        host = Instance(self).start()
        for what, name in BAD_BYTES.items():
            if what == "empty":
                continue  # a path of its own: the list of all
            with self.subTest(what):
                path = f"/v1/sequences/{urllib.parse.quote_from_bytes(name, safe='')}"
                host.expect(400, "PUT", path, {})
                host.expect(400, "POST", path + "/reset")
        self.assertEqual(host.expect(200, "GET", "/v1/sequences"), {"sequences": []})

    def test_command_line_ends_with_2(self):
        host = Instance(self).start()
        for what, name in BAD.items():
            with self.subTest(what):
                for command in (["create", name], ["next", name], ["reset", name], ["show", name]):
                    host.ctl(*command, status=2)

    def test_c_interface_returns_invalid(self):
        host = Instance(self).start()
        library = ctypes.CDLL(str(BUILD / "lib/libessequence.so.1"))
        library.essequence_last_error.restype = ctypes.c_char_p
        sequence = ctypes.c_void_p(1)
        size = ctypes.sizeof(Options)
        options = Options(size=size, runtime_dir=str(host.runtime_dir).encode(), timeout_ns=10**9)

        def opening(name, options):
            status = library.essequence_open(name, options and ctypes.byref(options),
                                             ctypes.byref(sequence))
            self.assertIsNone(sequence.value)
            return status

        for what, name in BAD_BYTES.items():
            with self.subTest(what):
                self.assertEqual(opening(name, options), INVALID)
                self.assertTrue(library.essequence_last_error())
        self.assertEqual(opening(None, options), INVALID)
        options.size = size - 8
        self.assertEqual(opening(b"orders", options), INVALID)
        options.size = size
        self.assertEqual(library.essequence_open(b"orders", ctypes.byref(options), None), INVALID)
        self.assertEqual(library.essequence_next(None, ctypes.byref(ctypes.c_int64())), INVALID)
        self.assertEqual(library.essequence_reset(None), INVALID)
        library.essequence_close(None)

        self.assertEqual(library.essequence_open(b"orders", ctypes.byref(options),
                                                 ctypes.byref(sequence)), 0)
        self.assertEqual(library.essequence_next(sequence, None), INVALID)
        self.assertEqual(library.essequence_take(sequence, 1, None), INVALID)
        run = (ctypes.c_char * 64)()
        self.assertEqual(library.essequence_take(sequence, 0, run), INVALID)
        identifier = ctypes.c_int64()
        self.assertEqual(library.essequence_next(sequence, ctypes.byref(identifier)), 0)
        self.assertEqual(identifier.value, 1)  # none of the refused takes took one
        library.essequence_close(sequence)

    def test_bad_bodies_and_paths_get_an_error_that_names_the_field(self):
        host = Instance(self).start()
        for body, field in [({"start": 0}, "start"), ({"increment": 0}, "increment"),
                            ({"increment": 2**31}, "increment"), ({"max": -1}, "max"),
                            ({"start": 5, "max": 4}, "max"), ({"order": "random"}, "order"),
                            ({"start": "1"}, "start"), ({"start": 1.5}, "start"),
                            ({"strat": 1}, "strat"), ("{", ""), ("[]", "")]:
            with self.subTest(body=body):
                reply = host.expect(400, "PUT", "/v1/sequences/orders", body)
                self.assertIn(field, reply["error"]["reason"])
        host.open("orders")
        host.expect(400, "POST", "/v1/sequences/orders/raise", {})
        host.expect(400, "POST", "/v1/sequences/orders/raise", {"above": -5})
        host.expect(404, "GET", "/v1/nothing")
        host.expect(404, "GET", "/v1/sequences/unknown")
        host.expect(405, "PATCH", "/v1/sequences/orders")
        host.expect(405, "GET", "/v1/sequences/orders/reset")
        self.assertEqual(host.next("orders"), [1])


if __name__ == "__main__":
    unittest.main()
