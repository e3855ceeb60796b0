"""python -m verify.cli"""

import sys

from verify.cli.app import main

sys.exit(main())
