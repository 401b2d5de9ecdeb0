"""What another library's implementation must say of itself to stand in a comparison."""

from abc import ABC, abstractmethod
from typing import Any

from comparing.run import Run

CLASSIFIERS = ("LogisticRegression", "SoftmaxRegression")


class Peer(ABC):
    """The comparison's task solved by other code: same rows, same start, same measures, one more row of the table."""

    @abstractmethod
    def method(self, comparison: dict[str, Any]) -> dict[str, Any]:
        """The peer as one of the comparison's methods: `max_epochs`, `optimizer`, and what it changes of `data` or `model`.

        Raises:
            ValueError: it cannot do this comparison's task.
        """

    @abstractmethod
    def observe(self, own: Run, runs: dict[str, Run]) -> list[str]:
        """Sentences on how its own end and those of the runs, by label, agree; methods that diverged are not among them."""

    def classifier(self, comparison: dict[str, Any]) -> str:
        """The name of the comparison's model.

        Raises:
            ValueError: it is none that the peers have a counterpart of.
        """
        model = str(comparison["model"]["class_path"]).rpartition(".")[2]
        if model not in CLASSIFIERS:
            raise ValueError(f"{type(self).__name__} has no counterpart of {model}: compare {' or '.join(CLASSIFIERS)} with it")
        return model
