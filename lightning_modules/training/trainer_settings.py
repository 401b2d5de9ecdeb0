"""What people set on a Trainer that cannot mean anything here: refused before anything is computed."""

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from torch.optim import Optimizer

from lightning_modules.optimizers import CurvatureOptimizer
from lightning_modules.training.low_precision import refuse_low_precision

SHARDING = (DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy)
NO_ACCUMULATION = (
    "its step needs gradient and curvature of the same rows; make batch_size larger instead, which takes no more memory (rows "
    "go through in chunks), or use a method of torch.optim"
)


def refuse_settings(trainer: Trainer, method: Optimizer) -> None:
    """Refuse settings under which a method would compute something else than it says.

    Raises:
        ValueError: names the setting, why it cannot be, and what can.
    """
    if isinstance(trainer.strategy, SHARDING):
        raise ValueError(
            f"{type(trainer.strategy).__name__} divides the parameters among processes, and every process needs all of them "
            "here: set Trainer(strategy='ddp'), which divides the rows"
        )
    if not isinstance(method, CurvatureOptimizer):
        return
    name = type(method).__name__
    refuse_low_precision(method, trainer.precision)
    if trainer.gradient_clip_val:
        raise ValueError(
            f"Trainer(gradient_clip_val={trainer.gradient_clip_val}) cannot be with {name}: it takes its step from gradient "
            "and curvature of one point, and a clipped gradient is not of that point; leave it out, lower lr, or use a "
            "method of torch.optim"
        )
    if trainer.accumulate_grad_batches != 1:
        raise ValueError(
            f"Trainer(accumulate_grad_batches={trainer.accumulate_grad_batches}) cannot be with {name}: {NO_ACCUMULATION}"
        )


def refuse_schedulers(trainer: Trainer, is_ours: bool) -> None:
    """Refuse schedulers of a model's own beside a method that is stepped here: Lightning would never step them.

    Raises:
        ValueError: there is one.
    """
    method = trainer.optimizers[0]
    if isinstance(method, CurvatureOptimizer) and trainer.lr_scheduler_configs and not is_ours:
        scheduler = type(trainer.lr_scheduler_configs[0].scheduler).__name__
        raise ValueError(
            f"{scheduler} cannot be with {type(method).__name__}: Lightning steps schedulers for methods of torch.optim only; "
            "use the model's schedule='cosine', or a method of torch.optim"
        )


def refuse_other_than_one(trainer: Trainer, model: LightningModule) -> None:
    """Refuse a `configure_optimizers` of a model's own that makes no optimizer, or several.

    Raises:
        ValueError: how many it makes.
    """
    # Lightning takes None for an optimizer of nothing.
    count = sum(any(group["params"] for group in optimizer.param_groups) for optimizer in trainer.optimizers)
    if count != 1:
        made = f"makes {count or 'no'} optimizer{'s' if count else ''}"
        raise ValueError(
            f"configure_optimizers of {type(model).__name__} {made}, and a fit here is by one: return one, with parameter "
            "groups where parameters differ in lr or weight decay"
        )
