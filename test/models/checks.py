"""Counts checks and prints each: what the runners here and in test/cli share."""
import sys

passed, failed = 0, []


def check(name, good, detail="", always=False):
    """`detail` is printed with what fails, or `always`."""
    global passed
    if good:
        passed += 1
    else:
        failed.append(name)
    print(f"{'ok  ' if good else 'FAIL'} {name}{'  ' + str(detail)[:500] if detail and (always or not good) else ''}", flush=True)
    return good


def finish():
    """The names of what failed, the line that ./dev counts, and the exit status."""
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)
