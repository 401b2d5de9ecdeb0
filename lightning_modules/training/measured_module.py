"""A model that measures itself on rows of validation and test, and predicts new ones."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from lightning_fabric.utilities.cloud_io import _load
from pytorch_lightning import LightningModule
from pytorch_lightning.trainer.states import TrainerStatus
from torch import Tensor
from torchmetrics import MetricCollection
from typing_extensions import Self

from lightning_modules.training.coded_rows import takes_codes, written_out
from lightning_modules.training.joined_rows import joined_rows
from lightning_modules.training.loaded_settings import refuse_calls, settings_in
from lightning_modules.training.measured_value import MeasuredValue
from lightning_modules.training.measurement import Measurement
from lightning_modules.training.one_default_type import refuse_borrowed_type

Batch = tuple[Tensor, ...]


class MeasuredModule(LightningModule, ABC):
    """Logs `val/…` and `test/…` over all rows of all processes, whatever the batches they come in.

    Attributes:
        reads_codes: whether batches may hold categories as codes, see `coded_rows.py`; a subclass that reads batches itself
            gets them written out, unless it says so too.
    """

    reads_codes: ClassVar[bool] = False

    def __init__(self) -> None:
        refuse_borrowed_type()
        super().__init__()
        self._measured: dict[str, Measurement] = {}
        self._told: set[str] = set()
        self._idle_metrics: list[MetricCollection] = []

    @classmethod
    def load_from_checkpoint(cls, checkpoint_path: Any, *args: Any, **kwargs: Any) -> Self:
        """As Lightning has it, of plain values and tensors only, and calling nothing that the file names but classes.

        Raises:
            ValueError: the file names something else to call.
        """
        if kwargs.setdefault("weights_only", True):  # otherwise the caller trusts the file with everything
            start = checkpoint_path.tell() if hasattr(checkpoint_path, "tell") else None
            content = _load(checkpoint_path, "meta", True)
            held = settings_in(content, cls.CHECKPOINT_HYPER_PARAMS_KEY, content.get(cls.CHECKPOINT_HYPER_PARAMS_NAME))
            refuse_calls({name: value for name, value in held.items() if name not in kwargs})
            if start is not None:
                checkpoint_path.seek(start)
        return super().load_from_checkpoint(checkpoint_path, *args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        """Lightning notes the hook that it is at, some fifty times a step. That is no parameter and no module, and to let torch
        find that out each time costs a tenth of a small step."""
        if name == "_current_fx_name":
            vars(self)[name] = value
        else:
            super().__setattr__(name, value)

    @property
    def takes_codes(self) -> bool:
        """Whether a data module gives codes."""
        return takes_codes(self)

    @abstractmethod
    def predict(self, features: Tensor) -> Tensor:
        """`preds` of rows (n, d) whose targets are not known: probabilities, or real values.

        The rows may be of any type of numbers; they are taken to the model's.
        """

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """Fresh metrics, updated with the keywords that `evaluate` returns; among them `loss`, the mean without penalty."""

    @abstractmethod
    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        """What the metrics need of a batch.

        Returns:
            `preds`: predictions or probabilities; `target`: what they should be; `value`: the loss of each row (n,).
        """

    def measurement(self) -> Measurement:
        """Nothing measured yet: `add` batches of rows, and read the `values` over all of them and all processes."""
        # Used again within a trainer's run: to make and move them takes many copies to a device.
        metrics = self._idle_metrics.pop() if self._idle_metrics else self.metrics().to(self.device, non_blocking=True)
        return Measurement(metrics, self.evaluate, self._told, self._idle_metrics if self._is_at_work else None)

    @property
    def _is_at_work(self) -> bool:
        return self._trainer is not None and self.trainer.state.status == TrainerStatus.RUNNING

    def setup(self, stage: str) -> None:
        """Forget what a run that broke off has left behind: metrics of its device, and what was measured by then."""
        self._idle_metrics.clear()
        self._measured.clear()

    def teardown(self, stage: str) -> None:
        """Keep no metrics beyond a trainer's run."""
        self._idle_metrics.clear()

    def joined_rows(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """The rows that the processes hold, one after the other; each process gives its own, or none."""
        return joined_rows(rows)

    # Compiling a model compiles its steps; in these only `forward` is arithmetic, the rest measures and decides.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._measure("val", batch)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        return self._measure("test", batch)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def predict_step(self, batch: Batch | Tensor, batch_idx: int) -> Tensor:
        return self.predict(batch if isinstance(batch, Tensor) else written_out(batch)[0])

    def _measure(self, split: str, batch: Batch) -> dict[str, Tensor]:
        if split not in self._measured:
            self._measured[split] = self.measurement()
        return self._measured[split].add(batch)

    def on_validation_epoch_end(self) -> None:
        self._log_measured("val")

    def on_test_epoch_end(self) -> None:
        self._log_measured("test")

    def _log_measured(self, split: str) -> None:
        for name, value in self._measured.pop(split).values().items():
            self.log(f"{split}/{name}", MeasuredValue(value), metric_attribute="_measured")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["model_class"] = type(self).__name__

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the checkpoint's precision, unless a trainer of another one asks: Lightning would round float64 weights.

        It loads them into the model as it was constructed, in float32, and converts it to float64 only then.
        """
        if self._trainer is None or self.trainer.precision == "64-true":
            self.to(next(iter(checkpoint["state_dict"].values())).dtype)
