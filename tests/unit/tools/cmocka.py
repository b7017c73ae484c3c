"""Runs a module's tests and prints what cmocka would print (tools/run-unit.py)."""
import sys
import unittest


class Result(unittest.TestResult):
    """What cmocka would print."""
    def addSuccess(self, test):
        print(f"[       OK ] {test.id()}")

    def addSkip(self, test, reason):
        print(f"[  SKIPPED ] {test.id()}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        print(f"{self.failures[-1][1]}\n[  FAILED  ] {test.id()}")

    def addError(self, test, err):
        super().addError(test, err)
        print(f"{self.errors[-1][1]}\n[  FAILED  ] {test.id()}")


def main():
    result = Result()
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]).run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
