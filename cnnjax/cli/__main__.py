"""`python -m cnnjax.cli` is `cnnjax`."""

import sys

from cnnjax.cli.app import main

sys.exit(main())
