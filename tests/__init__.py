"""The tests of cronapi."""

import os
import sys

# Several processes run the tests and start further ones. Where the environment asks for no
# bytecode, as the images of containers do, each would compile every file that it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
