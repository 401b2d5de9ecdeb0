"""Every setting of a run, in its folder."""

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback

from callbacks.resuming.run_folder import run_folder


class RunConfig(SaveConfigCallback):
    """Writes `config.yaml` into the folder of the run, whatever the logger; Lightning's own takes that of all runs for some."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and not self.already_saved:
            folder = run_folder(trainer)  # on every process
            if trainer.is_global_zero:
                folder.mkdir(parents=True, exist_ok=True)
                self.parser.save(self.config, folder / self.config_filename, skip_none=False, overwrite=self.overwrite)
            self.already_saved = True

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Done above."""
