"""A trained model as a program that runs without this project: raw features in, probabilities or values out."""

import io
import json
import logging
import warnings
from importlib.util import find_spec
from typing import Any

import torch

from predicting.predictor import Predictor
from predicting.trained import Trained

# torch compares the exported program's outputs with the model's on so many rows, and not on the one that it traced.
ROWS = 3


def program(trained: Trained, suffix: str, precision: str | None) -> bytes:
    """The file's content, for any number of rows.

    Args:
        trained: the model and its preprocessing.
        suffix: ".pt2" for `torch.export`, ".onnx" for ONNX.
        precision: "float32" or "float64", of inputs, weights and outputs; None = the model's, but float32 for ONNX, whose
            runtimes lack some operations in float64 (onnxruntime: convolution, softplus).

    Raises:
        OSError: ONNX is wanted, and its libraries are not installed.
    """
    default = torch.float32 if suffix == ".onnx" else next(trained.model.parameters()).dtype
    dtype = getattr(torch, precision) if precision else default
    predictor = Predictor(trained.model.to(dtype), trained.preprocessing)
    features = torch.from_numpy(trained.preprocessing.shift).to(dtype).expand(ROWS, -1).contiguous()
    predictor(features)  # what the model itself refuses, it says here
    exported = torch.export.export(predictor, (features,), dynamic_shapes={"features": {0: torch.export.Dim("rows", min=1)}})
    return _onnx(exported, about(trained)) if suffix == ".onnx" else _pt2(exported, about(trained))


def about(trained: Trained) -> dict[str, str]:
    """What the columns of inputs and outputs are, and how the features come from a table's columns, as JSON by name."""
    preprocessing = trained.preprocessing
    held = {"features": preprocessing.input_names, "classes": preprocessing.class_names, **preprocessing.encoder.plain()}
    if preprocessing.given.has_offset:
        held["offset"] = preprocessing.given.plain()
    return {name: json.dumps(value, ensure_ascii=False) for name, value in held.items()}


def _pt2(exported: torch.export.ExportedProgram, texts: dict[str, str]) -> bytes:
    content = io.BytesIO()
    torch.export.save(exported, content, extra_files=dict(texts))
    return content.getvalue()


def _onnx(exported: torch.export.ExportedProgram, texts: dict[str, str]) -> bytes:
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise OSError(f"an .onnx file needs {' and '.join(missing)}, not installed: pip install -e '.[export]', or write .pt2")
    logging.getLogger("onnxscript").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        made: Any = torch.onnx.export(exported, output_names=["predictions"], dynamo=True, verbose=False, external_data=False)
    proto = made.model_proto
    for name, text in texts.items():
        proto.metadata_props.add(key=name, value=text)
    return bytes(proto.SerializeToString())
