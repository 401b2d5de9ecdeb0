"""Features of images without their labels, by contrast."""

from typing import Any, Literal

import torch
from lightly.loss import NTXentLoss
from lightly.models.modules.heads import SimCLRProjectionHead
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics import MetricCollection

from lightning_modules.linear.linear_probe import Labelled, LinearProbe, fit_probe
from lightning_modules.networks import ConvEncoder
from lightning_modules.objectives import ModuleObjective
from lightning_modules.objectives.contrast import contrastive
from lightning_modules.objectives.families import Categorical
from lightning_modules.objectives.own_parameters import owned
from lightning_modules.optimizers import Convergence
from lightning_modules.training.classification_metrics import classification_metrics
from lightning_modules.training.equal_rows import NETWORK_ROWS, in_blocks, whole_linear
from lightning_modules.training.loss_share import LossShare
from lightning_modules.training.objective_module import Batch, ObjectiveModule, OptimizerCallable
from lightning_modules.training.plain_features import plain_features
from lightning_modules.training.run_ending import run_ending
from lightning_modules.training.shown_work import shown_work
from lightning_modules.training.two_view_images import images_of
from lightning_modules.training.weighted_rows import refuse_weights


class SimCLR(ObjectiveModule):
    """Learns an encoder f and a projection g such that the two views of an image meet and those of others part.

        loss = −1/2B Σ_i log [ exp(s(i, i')/τ) / Σ_{j ≠ i} exp(s(i, j)/τ) ],      s = cosine of g(f(view_i)) and g(f(view_j))

    over the 2B views of a batch, i' being the other view of i's image (NT-Xent). T. Chen et al., A simple framework for
    contrastive learning of visual representations (2020), equation 1. Across processes every view is contrasted with the
    views of all of them, gradients included: the batch is the joined one.

    Training sees (original, view 1, view 2, label) and never looks at the label. What is measured – loss, accuracy, … – is
    that of the frozen features under a linear probe, fitted to the training rows with λ chosen on validation and solved
    exactly; it is part of the checkpoint. `train/objective` is the contrastive loss.

    Args:
        image_size: (h, w) of the images; taken from the data on the command line.
        num_classes: K classes that the probe tells apart; taken from the data on the command line.
        features: F, the length of the encoder's output.
        channels: of the encoder's first convolution; its cost grows with their square.
        temperature: τ > 0; the lower, the more the nearest of the other images count.
        schedule: "cosine" lets the step size fall to 0 over the run, "constant" leaves it.
        optimizer: the method: `DiagonalNewton`, `GradientDescent`, or one of torch.optim. The loss couples the rows of a batch,
            so its curvature has no closed form: torch differentiates it, and its diagonal is an unbiased estimate
            (`contrast.py`). `KroneckerNewton` is refused, whose factors are sums over independent rows.

    Raises:
        ValueError: a setting out of its range.
    """

    takes_every_row = True
    probe_weight: Tensor
    probe_bias: Tensor
    probe_fits: Tensor

    def __init__(
        self,
        image_size: tuple[int, int],
        num_classes: int,
        features: int = 128,
        channels: int = 32,
        temperature: float = 0.2,
        schedule: Literal["constant", "cosine"] = "constant",
        *,
        optimizer: OptimizerCallable,
    ) -> None:
        super().__init__(optimizer)
        if schedule not in ("constant", "cosine"):
            raise ValueError(f"SimCLR(schedule={schedule!r}): choose 'constant' or 'cosine'")
        self.schedule = schedule
        if not 0 < temperature < float("inf"):
            raise ValueError(f"SimCLR(temperature={temperature}): the temperature must be a positive number")
        if num_classes < 2:
            raise ValueError(
                f"SimCLR(num_classes={num_classes}): with fewer than 2 classes there is nothing for the probe to tell apart; "
                "for a regression target use LinearRegression"
            )
        self.temperature, self.num_classes = temperature, num_classes
        self.encoder = ConvEncoder(image_size, features, channels)
        self.head = SimCLRProjectionHead(features, features, 64, batch_norm=False)
        # The probe of the present encoder, or of an earlier one while `probe_fits` is 0; no parameters of the loss.
        self.register_buffer("probe_weight", torch.zeros(num_classes, features))
        self.register_buffer("probe_bias", torch.zeros(num_classes))
        self.register_buffer("probe_fits", torch.zeros((), dtype=torch.int64))
        self._probe_known: tuple[Tensor, int, bool] | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Features: (B, 1, h, w) or flat (B, h·w) -> (B, F)."""
        features: Tensor = self.encoder(images)
        return features

    def objective(self, batch: Batch) -> ModuleObjective:
        """NT-Xent over the joined batch of all processes.

        Raises:
            ValueError: no two views, fewer than two images, or processes with different numbers of them.
        """
        images = images_of(batch, self.reduction, self.device)
        of_each = [images] * self._processes
        loss = contrastive(type(self).projections, self.temperature, of_each, self._reduction)
        return owned(ModuleObjective(self, loss, batch, images, self.reduction, is_redundant=True), self)

    def loss_share(self, batch: Batch) -> LossShare:
        return LossShare(rows=images_of(batch, self.reduction, self.device), total=self.contrast(batch))

    def contrast(self, batch: Batch) -> Tensor:
        """Sum over this process's B images of −½ log …, the views of all processes in the denominator: ()."""
        loss = NTXentLoss(self.temperature, gather_distributed=self._processes > 1)
        total: Tensor = len(batch[0]) * loss(*self.projections(batch).chunk(2))
        return total

    def projections(self, batch: Batch) -> Tensor:
        """g(f(view)) of the first views of a batch, then of its second ones: (2B, 64)."""
        _, first, second, _ = batch
        projected: Tensor = self.head(self.encoder(torch.cat([first, second])))
        return projected

    def check_data(self, rows: Batch) -> None:
        """Rows of validation and test, and originals of training, must be images of the encoder's size with labels."""
        refuse_weights(self, rows)
        images, labels, *_ = rows
        if labels.is_floating_point():
            raise ValueError(
                "SimCLR is measured by how well its features tell classes apart: for real targets use LinearRegression"
            )
        self.encoder.check(images)

    def metrics(self) -> MetricCollection:
        return classification_metrics(self.num_classes)

    def predict(self, features: Tensor) -> Tensor:
        """Class probabilities of images by the probe (n, K).

        Raises:
            ValueError: the present encoder has no probe.
        """
        # An exported program holds the probe, and cannot decide by its content.
        if not torch.compiler.is_compiling() and not self.has_probe():
            raise ValueError(
                "SimCLR has no probe of its present encoder to predict by: validate or test the model first, or take a "
                "checkpoint of the end of an epoch"
            )
        return Categorical(self.num_classes).mean(self._predictors(features.to(self.dtype)))

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def predict_step(self, batch: Batch | Tensor, batch_idx: int) -> Tensor:
        if not self.has_probe():
            self.attach_probe(self._fit_probe_to_data())
        return super().predict_step(batch, batch_idx)

    def _predictors(self, images: Tensor) -> Tensor:
        return in_blocks(lambda x: whole_linear(self(x), self.probe_weight, self.probe_bias), images, NETWORK_ROWS)

    def evaluate(self, batch: Batch) -> dict[str, Tensor]:
        """Class probabilities by the probe (n, K), labels, and cross-entropies of images without augmentation."""
        if not self.has_probe():
            self.attach_probe(self._fit_probe_to_data())
        images, labels = batch[0], batch[-1]
        z = self._predictors(images)
        return {
            "preds": Categorical(self.num_classes).mean(z),
            "target": labels,
            "value": cross_entropy(z, labels, reduction="none"),
        }

    def fit_probe(self, train: Labelled, val: Labelled) -> LinearProbe:
        """The exact probe of any features (n, d) with labels (n,), each process giving its rows."""
        return fit_probe(train, val, self.num_classes, reduction=self.reduction)

    def attach_probe(self, probe: LinearProbe) -> None:
        """Make a probe the one by which the present encoder is measured."""
        self.probe_weight.copy_(probe.weight)
        self.probe_bias.copy_(probe.bias)
        self._set_probe(True)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._set_probe(False)  # the encoder has moved on

    def has_probe(self) -> bool:
        """Whether there is a probe of the present encoder; of a device it is read once, not with every batch."""
        flag = self.probe_fits
        if flag.is_inference():  # nobody counts how often it was written to
            return bool(flag)
        if self._probe_known is None or self._probe_known[0] is not flag or self._probe_known[1] != flag._version:
            self._probe_known = flag, flag._version, bool(flag)
        return self._probe_known[2]

    def __getstate__(self) -> dict[str, Any]:
        """A copy reads the flag anew: it has one of its own."""
        return {**super().__getstate__(), "_probe_known": None}

    def _set_probe(self, fits: bool) -> None:
        self.probe_fits.fill_(int(fits))
        if not self.probe_fits.is_inference():
            self._probe_known = self.probe_fits, self.probe_fits._version, fits

    def convergence(self) -> Convergence:
        """Who ended the fit: there is no optimum to have reached."""
        ending = run_ending(self.trainer)
        return Convergence(
            ending.status,
            f"{ending.message}; the contrastive loss couples the random views of a batch, so it is no fixed function with an "
            "optimum; the measure is the probe of the features",
            float("nan"),
            float("nan"),
        )

    @property
    def _processes(self) -> int:
        return self.trainer.world_size if self._trainer is not None else 1

    def _fit_probe_to_data(self) -> LinearProbe:
        """The probe of the present encoder on the trainer's data, leaving the state of every random generator alone."""
        data = getattr(self._trainer, "datamodule", None)
        if data is None:
            raise ValueError(
                "SimCLR is measured by a probe fitted to training features, and no data module is there to give them: pass one "
                "to the trainer, or call attach_probe(fit_probe(train, val))"
            )
        # A DataLoader draws a seed for its workers each time it starts.
        with torch.random.fork_rng(devices=[]), shown_work(self._trainer, "judging: encoding the images"):
            train, val = (plain_features(self, data, split, self.probe_weight.shape[1]) for split in ("train", "val"))
        with shown_work(self._trainer, "judging: fitting the probe"):
            return self.fit_probe(train, val)
