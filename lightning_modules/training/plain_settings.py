"""What a checkpoint keeps of a model's settings: plain values, which load without running code."""

from typing import Any

from pytorch_lightning import LightningModule

PLAIN = (bool, int, float, str, list, tuple, dict, type(None))


class PlainSettings(LightningModule):
    """Leaves out of the hyper-parameters what is not plain, before Lightning copies them: a module may hold a lock, a file, or
    a tensor that cannot be copied. The command line hands over the optimizer as plain configuration; from Python it is a
    function, and loading a checkpoint takes it anew.
    """

    def _set_hparams(self, hp: Any) -> None:
        super()._set_hparams({name: value for name, value in dict(hp).items() if isinstance(value, PLAIN)})
