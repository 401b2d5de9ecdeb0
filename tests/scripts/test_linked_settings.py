"""What data and model say of the same thing: the data decide it, and who types something else is told so."""

import fit
import pytest
from command_line.fit_cli import FitCLI
from command_line.interruptible import PRESSED
from command_line.one_line_errors import CommandLineError, run


@pytest.mark.parametrize("option", ["num_classes", "num_features", "init_args.num_targets", "image_size", "offset"])
def test_what_follows_from_the_data_cannot_be_typed(option: str) -> None:
    named = f"--model.{option.removeprefix('init_args.')}"
    with pytest.raises(CommandLineError, match=f"^{named} follows from the data"):
        FitCLI(["--data=IrisDataModule", "--model=SoftmaxRegression", f"--model.{option}=7"])


LINEAR = "{class_path: torch.nn.Linear, init_args: {in_features: 4, out_features: 5}}"


@pytest.mark.parametrize("model", [["MLP", "--model.widths=[4,10,5]"], ["TorchModel", f"--model.module={LINEAR}"]])
def test_outputs_for_which_there_is_no_class_are_refused(model: list[str]) -> None:
    name, *options = model
    with pytest.raises(ValueError, match=rf"^{name} on IrisDataModule: 5 outputs for 3 classes"):
        fit.main(["--data=IrisDataModule", f"--model={name}", *options, "--model.optimizer=Newton", "--trainer.logger=false"])


def test_a_process_that_is_missing_after_ctrl_c_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lost(_: list[str]) -> None:
        raise RuntimeError("[pair.cc:545] Read error [127.0.0.1]:27823: Connection reset by peer")

    assert run(lost, []) == 1 and "another process of this run has ended" in capsys.readouterr().err
    PRESSED.append(True)
    try:
        assert run(lost, []) == 130 and capsys.readouterr().err == "interrupted\n"
    finally:
        PRESSED.clear()
