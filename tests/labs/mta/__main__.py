"""`python -m labs.mta setup`: fetch and unpack the mail servers, and say in one line where they are."""

import sys

from labs.mta.errors import LabError
from labs.mta.packages import setup


def main(arguments: list[str]) -> int:
    """Run the one command; 64 for a usage error, 69 when the servers cannot be had."""
    if arguments != ["setup"]:
        print("usage: python -m labs.mta setup", file=sys.stderr)
        return 64
    try:
        lab = setup()
    except LabError as error:
        print(f"mtalab: {error}", file=sys.stderr)
        return 69
    print(f"mail servers for the tests are ready in {lab.root}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
