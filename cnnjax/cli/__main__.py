"""`python -m cnnjax.cli` is `cnnjax`."""

import sys

from cnnjax.cli import main

sys.exit(main())
