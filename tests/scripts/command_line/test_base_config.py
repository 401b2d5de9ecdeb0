"""A class named on the command line starts from its own defaults."""

from pathlib import Path
from typing import Any

import pytest
from command_line.base_config import CONFIGS, read_config, with_base
from command_line.fit_cli import FitCLI
from command_line.yaml_text import from_yaml
from jsonargparse import ArgumentParser

from lightning_modules.optimizers import Newton


def base(args: list[str]) -> dict[str, Any]:
    first = with_base(args)[0]
    return from_yaml(first.removeprefix("--config="))


def optimizer(args: list[str]) -> dict[str, Any]:
    return base(args)["model"]["init_args"]["optimizer"]


@pytest.mark.parametrize(
    "flags",
    [
        ["--model.optimizer=DiagonalNewton"],
        ["--model.optimizer", "DiagonalNewton"],
        ["--model.optimizer.class_path=DiagonalNewton"],
        ["--model.init_args.optimizer=DiagonalNewton"],
        ["--model.init_args.optimizer.class_path", "DiagonalNewton"],
    ],
)
def test_settings_of_a_replaced_method_are_gone(flags: list[str]) -> None:
    assert optimizer(flags) == {"class_path": "DiagonalNewton"}


CHOSEN = f"--config={CONFIGS / 'breast_cancer_logistic_newton.yaml'}"


@pytest.mark.parametrize("config", [[], [CHOSEN]], ids=["the default configuration", "a chosen one"])
def test_a_class_that_is_named_again_keeps_the_settings_of_a_chosen_file_only(config: list[str]) -> None:
    """The trap: --model=LogisticRegression alone was fitted with the penalty of the run without options."""
    method = optimizer([*config, "--model.optimizer=lightning_modules.optimizers.Newton"])
    model = base([*config, "--model=LogisticRegression"])["model"]
    data = base([*config, "--data=BreastCancerDataModule"])["data"]
    assert ("init_args" in method) == ("init_args" in data) == ("l2" in model["init_args"]) == bool(config)
    assert model["init_args"]["optimizer"] == optimizer([]), "the method is a choice of its own"
    assert not config or (method["init_args"]["damping"], model["init_args"]["l2"]) == ("adaptive", 0.01)


def test_the_default_configuration_holds_where_nothing_is_named() -> None:
    """Negative control: its penalty is there to be lost, and naming the data alone does not lose it."""
    assert optimizer([])["init_args"]["lr"] == 1.0
    for args in ([], ["--data=IrisDataModule"], ["--model.optimizer=DiagonalNewton"], ["--trainer.max_epochs=3"]):
        assert base(args)["model"]["class_path"] == "LogisticRegression"
        assert base(args)["model"]["init_args"]["l2"] == 0.01


def test_the_model_of_the_command_line_has_no_penalty_that_nobody_asked_for() -> None:
    for args, l2 in (
        ([], 0.01),
        (["--model=LogisticRegression"], 0.0),
        (["--model=LogisticRegression", "--model.l2=0.1"], 0.1),
        (["--model.l2=0.1", "--model", "LogisticRegression"], 0.1),
        (["--model={class_path: LogisticRegression}"], 0.0),
        (["--model={class_path: LogisticRegression, init_args: {l2: 0.1}}"], 0.1),
        ([CHOSEN, "--model=LogisticRegression"], 0.01),
    ):
        assert FitCLI(with_base([*args, "--trainer.logger=false"])).model.l2 == l2, args


def test_the_base_states_the_defaults_of_its_method() -> None:
    parser = ArgumentParser()
    parser.add_class_arguments(Newton, skip={"params"})
    assert optimizer([])["init_args"] == parser.get_defaults().as_dict()


def test_a_new_model_keeps_the_method_and_nothing_else() -> None:
    model = base(["--model=LinearRegression"])["model"]
    assert model["class_path"] == "LinearRegression"
    assert set(model["init_args"]) == {"optimizer"}
    assert base(["--data=IrisDataModule"])["data"] == {"class_path": "IrisDataModule"}


def test_the_command_line_gets_the_new_methods_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trap: GradientDescent(lr=0.1) in a file and --model.optimizer=Newton gave Newton(lr=0.1)."""
    config = tmp_path / "gd.yaml"
    config.write_text(
        "data: {class_path: IrisDataModule}\n"
        "model:\n  class_path: SoftmaxRegression\n  init_args:\n    l2: 0.5\n"
        "    optimizer: {class_path: GradientDescent, init_args: {lr: 0.1}}\n"
    )
    monkeypatch.chdir(tmp_path)
    cli = FitCLI(with_base([f"--config={config}", "--model.optimizer=Newton", "--trainer.logger=false"]))
    assert cli.model.configure_optimizers().param_groups[0]["lr"] == 1.0
    assert cli.model.l2 == 0.5
    cli = FitCLI(with_base(["-c", str(config), "--model.optimizer.lr=0.3", "--trainer.logger=false"]))
    assert cli.model.configure_optimizers().param_groups[0]["lr"] == 0.3


def test_later_files_win_and_replace_classes_whole(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("trainer: {max_epochs: 3}\ndata: {class_path: IrisDataModule, init_args: {seed: 1}}\n")
    second.write_text("trainer: {min_epochs: 2}\ndata: {class_path: BreastCancerDataModule}\n")
    merged = base([f"--config={first}", f"--config={second}"])
    assert merged["trainer"] == {"max_epochs": 3, "min_epochs": 2}
    assert merged["data"]["class_path"] == "BreastCancerDataModule"
    assert not merged["data"].get("init_args")


def test_infinity_dates_and_words_of_numbers_survive(tmp_path: Path) -> None:
    """JSON, which files went through, has neither; YAML's own reader makes a date of a name."""
    file = tmp_path / "odd.yaml"
    file.write_text("data: {a: .inf, b: -.inf, c: 2020-01-01, d: '1e3', e: 1e-3, f: 'no', g: null, h: 12:30:00}\n")
    found = base([f"--config={file}"])["data"]
    assert found["a"] == float("inf") == -found["b"] and found["e"] == 0.001
    assert (found["c"], found["d"], found["f"], found["g"]) == ("2020-01-01", "1e3", "no", None)
    file.write_text("data: {a: .nan}\n")
    nan = base([f"--config={file}"])["data"]["a"]
    assert isinstance(nan, float) and nan != nan  # noqa: PLR0124


@pytest.mark.parametrize("name", ["iris_softmax_adam", "iris_softmax_adam.yaml"])
def test_a_shipped_file_is_found_by_its_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert base([f"--config={name}"]) == base([f"--config={CONFIGS / 'iris_softmax_adam.yaml'}"])
    Path(name).write_text("data: {class_path: BreastCancerDataModule}\n")
    assert base(["--config", name])["data"] == {"class_path": "BreastCancerDataModule"}, "a file that is here comes first"


def test_a_mistyped_name_is_refused_with_the_one_that_is_meant() -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no configuration file iris_softmax_newtn \(did you mean iris_softmax_newton\?\)"
    ):
        read_config(Path("iris_softmax_newtn"))
