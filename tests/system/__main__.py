"""Runs system tests, one line per test as it ends:  passed|failed|skipped NAME SECONDS [REASON]

    python3 tests/system [PATTERN ...]      each PATTERN is a regular expression in FILE.CLASS.TEST
"""

import pathlib
import re
import signal
import sys
import time
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


class Lines(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.begin_line()

    def begin_line(self):
        self.begin = time.monotonic()
        self.broken = ""

    def startTest(self, test):
        super().startTest(test)
        self.begin_line()

    def stopTest(self, test):
        super().stopTest(test)
        if self.broken:  # one line, however many of its parts failed
            self.tell("failed", test, self.broken)

    def tell(self, verdict, test, words=""):
        seconds = time.monotonic() - self.begin
        print(f"{verdict} {test.id()} {seconds:.1f} {words}".rstrip(), flush=True)

    def note_failure(self, error):
        print("".join(traceback.format_exception(*error)), flush=True)
        self.broken = self.broken or (str(error[1]).strip().split("\n")[0][:200] or "failed")

    def addSuccess(self, test):
        self.tell("passed", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.note_failure(error)

    def addError(self, test, error):
        super().addError(test, error)
        self.note_failure(error)
        if not isinstance(test, unittest.TestCase):  # a whole class could not be set up
            self.stopTest(test)
            self.begin_line()

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            print(f"in {subtest._subDescription()}:")
            self.note_failure(error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell("skipped", test, reason)


def tests_in(suite):
    for test in suite:
        yield from tests_in(test) if isinstance(test, unittest.TestSuite) else [test]


def told_to_stop(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt  # unittest takes anything else for a failure of the test


def main():
    signal.signal(signal.SIGTERM, told_to_stop)
    patterns = sys.argv[1:] or [""]
    found = unittest.TestLoader().discover(str(HERE), "test_*.py", top_level_dir=str(HERE))
    chosen = [test for test in tests_in(found)
              if any(re.search(pattern, test.id()) for pattern in patterns)]
    if not chosen:
        sys.exit(f"no test matches {patterns}")
    result = Lines()
    unittest.TestSuite(chosen).run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
