"""Models that train themselves by gradient descent, Newton's method, diagonal Newton or an optimiser of torch.optim.

The names and where they come from are in `__init__.pyi`. Each is imported when it is first asked for (SPEC 1), so that what
needs no Trainer does not wait for Lightning.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
