"""Every setting of a run, in its folder."""

from typing import Any

import yaml
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback

from callbacks.resuming.run_folder import run_folder
from command_line.whole_files import write_whole
from command_line.yaml_text import to_yaml_page


class RunConfig(SaveConfigCallback):
    """Writes `config.yaml` into the folder of the run, whatever the logger; Lightning's own takes that of all runs for some."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and not self.already_saved:
            folder = run_folder(trainer)  # on every process
            if trainer.is_global_zero:
                folder.mkdir(parents=True, exist_ok=True)
                dumped = yaml.safe_load(self.parser.dump(self.config, skip_none=False))
                text = to_yaml_page(as_given(dumped, self.config.as_dict()))
                write_whole(folder / self.config_filename, text)
            self.already_saved = True

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Done above."""


def as_given(dumped: Any, given: Any) -> Any:
    """The values of a dump, with each text as it is: jsonargparse makes a number of 1e5, the name of a column."""
    if isinstance(dumped, dict) and isinstance(given, dict):
        return {name: as_given(value, given.get(name)) for name, value in dumped.items()}
    if isinstance(dumped, list) and isinstance(given, (list, tuple)) and len(dumped) == len(given):
        return [as_given(value, one) for value, one in zip(dumped, given, strict=True)]
    return given if type(given) is str else dumped
