"""Data sets: split, scaled with training statistics, served by the batch.

The names and where they come from are in `__init__.pyi`. Each is imported when it is first asked for (SPEC 1), so that what
looks at a file does not wait for torch and Lightning.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
