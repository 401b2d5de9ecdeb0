"""What the libraries below log and warn of, and whether the user sees it."""

import logging
import warnings


def quiet() -> None:
    """Keep Lightning's advertisements and what its own dependencies deprecate out of the user's sight."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "torch.distributed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # But not that the launcher ends a run of several processes because one of them has ended.
    logging.getLogger("lightning_fabric.strategies.launchers.subprocess_script").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", "LightningCLI.s args parameter is intended")  # base_config.py rewrites them
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")
    warnings.filterwarnings("ignore", "`torch.jit.script(_method)?` is (deprecated|not supported)")  # torch.func uses it
    warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")  # a resumed run continues in it
    warnings.filterwarnings("ignore", "The dirpath has changed from")  # resumed from a named file, a run finds its own best


def show_notes() -> None:
    """Show what the project's models log, a line each."""
    notes = logging.getLogger("lightning_modules")
    notes.handlers = [logging.StreamHandler()]
    notes.setLevel(logging.INFO)
