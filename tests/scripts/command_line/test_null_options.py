"""null as the value of an option within classes: null where it is one of the values, and refused by name where it is not."""

import fit
import pytest
from command_line.fit_cli import FitCLI
from command_line.one_line_errors import CommandLineError
from torch import nn


class Untyped(nn.Linear):
    def __init__(self, width) -> None:
        super().__init__(64, width)


NEWTON = ["--data=BreastCancerDataModule", "--model=LogisticRegression", "--model.optimizer=Newton"]
ADAM = [*NEWTON[:2], "--model.optimizer=Adam"]


@pytest.mark.parametrize(
    "args, name",
    [
        ([*NEWTON, "--model.optimizer.search=null"], "search"),
        ([*NEWTON, "--model.optimizer.tolerance", "null"], "tolerance"),
        ([*NEWTON, "--model.init_args.optimizer.init_args.tolerance=null"], "tolerance"),
        ([*ADAM, "--model.optimizer.foreach=null"], "foreach"),
    ],
)
def test_null_of_an_option_of_a_class_within_a_class(args: list[str], name: str) -> None:
    config = FitCLI([*args, "--trainer.logger=false", "--data.batch_size=null"]).config
    assert config.model.init_args.optimizer.init_args[name] is None
    assert config.data.init_args.batch_size is None


@pytest.mark.parametrize("option", ["--model.l2", "--model.optimizer.lr", "--data.val_fraction"])
@pytest.mark.parametrize("args", [NEWTON, ADAM])
def test_null_where_a_value_is_needed(option: str, args: list[str]) -> None:
    with pytest.raises(CommandLineError, match=f"^{option}=null does not fit: it needs a value$"):
        fit.main([*args, f"{option}=null"])


def test_a_typo_is_answered_by_the_options_own_help() -> None:
    with pytest.raises(CommandLineError, match=r"\(did you mean search\?\): --model\.optimizer\.help=CLASS lists what does$"):
        fit.main([*NEWTON, "--model.optimizer.serch=null"])


def test_a_setting_without_type_and_default_is_missing() -> None:
    """jsonargparse would give it null."""
    args = ["--data=DigitsDataModule", "--model=TorchModel", f"--model.module={__name__}.Untyped", "--model.optimizer=Newton"]
    with pytest.raises(CommandLineError, match=r"^--model.module.width is missing: it has no default, and no type"):
        FitCLI(args)
    made = FitCLI([*args, "--model.module.width=3", "--trainer.logger=false"]).model
    assert made.module.out_features == 3
