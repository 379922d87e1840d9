"""`python -m bench`: the whole measurement; `python -m bench --help` says what can be chosen."""

import sys

from bench.run import main

sys.exit(main(sys.argv[1:]))
