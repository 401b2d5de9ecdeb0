"""What the library calls by Python's names, the command line calls by its own."""

import pytest
from command_line.flags import in_flags
from command_line.one_line_errors import one_line


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("set Trainer(precision='64-true'), or '32-true'", "set --trainer.precision=64-true, or '32-true'"),
        ("this one has no end: set Trainer(max_epochs=100), say", "this one has no end: set --trainer.max_epochs=100, say"),
        ("all rows in one batch (batch_size=None): use", "all rows in one batch (--data.batch_size=null): use"),
        ("the steps are too long; lower lr, or", "the steps are too long; lower --model.optimizer.lr, or"),
        ("give a number of rows, or batch_size=5", "give a number of rows, or batch_size=5"),
    ],
)
def test_arguments_become_options(message: str, shown: str) -> None:
    assert in_flags(message) == shown
    assert one_line(ValueError(message)) == shown
