"""`fit.py --help`: one screen with what a run is made of; `--trainer.help` has the options of Lightning's Trainer.

It is shown before torch is imported.
"""

import textwrap

from command_line.class_names import CLASSES, OPTIMIZERS

WIDTH = 80
# Beside data, model, method and trainer. Those that end in OPTION have several, and a page of their own.
OWN = {
    "--config NAME": "a file, or a name in scripts/configs/",
    "--seed_everything N": "seed of all random numbers; default 0",
    "--ckpt_path FILE": "a checkpoint to go on from; last: this run's",
    "--checkpoint_every_n_steps N": "write last.ckpt within epochs, too",
    "--test_weights NAME": "weights to test: last (default), or best",
    "--test_metrics.every_n_epochs N": "how often the test set is measured",
    "--gradient_norms.every_n_steps N": "how often they are logged, by layer",
    "--curvature.max_parameters N": "up to so many, its spectrum is logged",
    "--histograms.every_n_steps N": "histograms by layer; default 0: none",
    "--coefficients.OPTION": "--coefficients.help lists them",
    "--feature_baselines true": "judge raw pixels, too, before SimCLR",
    "--debug": "show the traceback of an error",
}
EXAMPLES = """\
  fit.py --config iris_softmax_newton
  fit.py --data=TabularDataModule --data.path=patients.csv \\
      --data.target=outcome --model=LogisticRegression --model.l2=0.01
  fit.py --data=IrisDataModule --model=MLP --model.widths='[4,10,3]' \\
      --model.optimizer=Adam --model.optimizer.lr=0.01 --trainer.max_epochs=200"""


def first_help(args: list[str]) -> str | None:
    """The page that `--help` or `-h` asks for; None without either."""
    return page() if {"--help", "-h"} & set(args) else None


def page() -> str:
    """All of it, in 80 columns."""
    places = {
        "--data=CLASS": ", ".join(CLASSES["data"]()),
        "--model=CLASS": ", ".join(CLASSES["model"]()),
        "--model.optimizer=CLASS": f"{', '.join(OPTIMIZERS)}; or Adam, SGD, LBFGS, … of torch.optim",
        "--trainer.OPTION": "of Lightning's Trainer; --trainer.help lists them",
        "--model.help": "says what each class is, --model.help=MLP what its options are; so at data, model.optimizer, …",
    }
    return "\n".join(
        [
            "usage: fit.py [--data=CLASS] [--model=CLASS] [--model.optimizer=CLASS] [OPTION]",
            "",
            *textwrap.wrap(
                "Fit a model to data, test it, and log everything to TensorBoard. Without options: logistic regression by "
                "Newton's method on breast cancer. The options of a class stand behind its place: --data.batch_size=64.",
                WIDTH,
            ),
            "",
            *_entries(places),
            "",
            *_entries(OWN),
            "",
            "examples:",
            EXAMPLES,
        ]
    )


def _entries(texts: dict[str, str]) -> list[str]:
    margin = max(map(len, texts)) + 4
    return [
        textwrap.fill(f"  {option:{margin - 2}}{text}", WIDTH, subsequent_indent=" " * margin) for option, text in texts.items()
    ]
