"""The parser of a fit's command line."""

import torch
import yaml
from jsonargparse.typing import register_type
from lightning_utilities.core.enums import StrEnum
from pytorch_lightning.cli import LightningArgumentParser

from command_line.one_line_parser import OneLineParser

# A setting of Lightning's StochasticWeightAveraging, which config.yaml keeps.
register_type(torch.device, str, torch.device)
# Words that some of Lightning's callbacks have as defaults, written as such.
yaml.SafeDumper.add_multi_representer(StrEnum, lambda dumper, word: dumper.represent_str(word.value))


class FitParser(OneLineParser, LightningArgumentParser):
    """Lightning's parser, which refuses in one line."""
