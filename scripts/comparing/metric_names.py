"""Names of metrics as axes, tables and sentences show them, with units where there are any."""

SPLITS = {"val": "validation"}
NAMES = {"mae": "MAE", "mse": "MSE", "r2": "R²", "auroc": "AUROC", "f1": "F1"}
# In which power of the target's unit each is; all others have none.
POWERS = {"mae": "", "mse": "²"}


def metric_name(metric: str, unit: str = "") -> str:
    """ "val/mae" as "validation MAE, 100 000 $".

    Args:
        metric: as it is logged, with its split or without.
        unit: of the target; empty if it has none, or nobody knows it.
    """
    split, _, name = metric.rpartition("/")
    shown = " ".join(text for text in (SPLITS.get(split, split), NAMES.get(name, name)) if text)
    if not unit or name not in POWERS:
        return shown
    power = POWERS[name]
    return f"{shown}, {f'({unit}){power}' if power else unit}"
