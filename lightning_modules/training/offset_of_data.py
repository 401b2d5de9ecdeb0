"""An offset of the rows is no feature: only for models that add it to their linear predictor."""

import inspect


def refuse_offset(model: object, data: object) -> None:
    """Refuse data whose features end with an offset, for a model that would take it for a feature.

    Raises:
        ValueError: the data module says `has_offset`, and the model was not made with `offset=True`.
    """
    if not getattr(data, "has_offset", False) or getattr(model, "offset", False):
        return
    name = type(model).__name__
    if "offset" in inspect.signature(type(model)).parameters:
        raise ValueError(
            f"{name} on data with an offset: make it with offset=True, or leave offset and exposure out of the data"
        )
    raise ValueError(
        f"{name} takes no offset, and the data have one: leave offset and exposure out of the data module, or use a model that "
        "has an argument offset"
    )
