"""`python -m searchsync_cli`, for a checkout without an installation."""

import sys

from searchsync_cli.main import main

sys.exit(main())
