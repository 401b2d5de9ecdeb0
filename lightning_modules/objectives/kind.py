"""Which curvature is asked for."""

from typing import Literal, get_args

Kind = Literal["hessian", "ggn"]


def check_kind(kind: str) -> None:
    """Refuse another word.

    Raises:
        ValueError: neither "hessian" nor "ggn".
    """
    if kind not in get_args(Kind):
        raise ValueError(f"curvature({kind!r}): choose 'hessian' or 'ggn'")
