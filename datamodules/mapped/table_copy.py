"""Writes a table, divided, encoded and scaled, into files to be memory-mapped."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.columns.learning import Learner, describe, pruned
from datamodules.columns.report import Report, Topic
from datamodules.columns.rules import ColumnRules
from datamodules.files import TableFile
from datamodules.files.progress_bar import with_progress_bar
from datamodules.files.scan_file import scan_file
from datamodules.mapped.divided_cells import CELLS, CLUSTERS, OFFSET, TARGETS, WEIGHTS, DividedCells
from datamodules.mapped.division import SplitOptions, division
from datamodules.mapped.seal import ABOUT, sealed
from datamodules.mapped.usable_pieces import labels_of, usable_pieces, usable_rows
from datamodules.mapped.written_features import FEATURES, FeatureWriter
from datamodules.serving.class_notes import class_notes
from datamodules.serving.preprocessing import Preprocessing
from datamodules.tables.cluster_codes import ClusterCodes

TRAIN, TEST = 0, 2
IDENTITY, CODING = "copy_of", "coding"


def write_copy(
    folder: Path,
    file: TableFile,
    rules: ColumnRules,
    options: SplitOptions,
    report: Report,
    test_file: TableFile | None,
    identity: str,
) -> None:
    """`features.npy`, `targets.npy`, `weights.npy` if rows count more or less than once, `clusters.npy` if there are any, and
    `about.json`: rows for training first, then validation, then test.

    The file is read twice, to find out what it holds and to write its cells as numbers, each row to its part, in the file's
    order; from these the features are made. Rows are counted in between where the first reading cannot tell how many can be
    used.

    Args:
        folder: of the files, empty.
        file: the table.
        rules: what may be done to it.
        options: how its rows are divided, and whether they are scaled.
        report: told of what was done.
        test_file: rows for the test, if they are in a file of their own.
        identity: says which table with which options it is a copy of.

    Raises:
        ValueError: what `TabularDataModule` refuses in memory.
        OSError: no space for the copy.
    """
    about = {IDENTITY: identity, **_write_arrays(folder, file, rules, options, report, test_file)}
    for name in (CELLS, OFFSET):
        (folder / name).unlink(missing_ok=True)  # nothing maps it any more
    kept = [name for name in (FEATURES, TARGETS, WEIGHTS, CLUSTERS) if (folder / name).exists()]
    (folder / ABOUT).write_text(json.dumps(sealed(about, folder, kept)), encoding="utf-8")


def _write_arrays(
    folder: Path, file: TableFile, rules: ColumnRules, options: SplitOptions, report: Report, test_file: TableFile | None
) -> dict[str, Any]:
    """What there is to know of them."""
    found = scan_file(file, rules, report)
    names = found.target.class_names
    split = division(options, usable_rows(file, found, rules), names, rules.strict)
    sizes = split.sizes.copy()
    if test_file is not None:
        sizes[TEST] = sum(usable_rows(test_file, found, rules))
    divided = DividedCells(folder, len(found.columns), sizes, names, found.given, rules.clusters is not None)
    codes = None if rules.clusters is None else ClusterCodes(file.path, rules.clusters)
    for rows in usable_pieces("copying", file, found, rules, report, clusters=codes):
        divided.put(rows, split.parts(labels_of(rows.targets, names)))
    report.add(Topic.CLASSES, *class_notes(names or (), divided.counts))
    if test_file is not None:
        for rows in usable_pieces("copying", test_file, found, rules, report):
            divided.put(rows, np.full(len(rows.targets), TEST))
    divided.check_full()
    report.rows.update(zip(("training", "validation", "test"), sizes.tolist(), strict=True))
    train = int(sizes[TRAIN])
    columns = with_progress_bar("learning", divided.columns(), len(divided.cells), lambda _: 1, "columns")
    weights = divided.weights_of_rows()
    encoder = Learner(rules, report).encoder(found.columns, columns, slice(0, train), weights)
    writer = FeatureWriter(encoder, found.columns, divided.cells, train, weights, divided.offset)
    mean, deviation = writer.scale(options.standardize)
    writer.write(folder, divided.targets, names, mean, deviation)
    divided.targets.flush()
    if divided.clusters is not None:
        divided.clusters.flush()
    if weights is None:
        (folder / WEIGHTS).unlink(missing_ok=True)
    elif divided.weights is not None:
        divided.weights.flush()
    describe(encoder, report)
    is_strict, given = rules.strict or rules.missing != "impute", found.given.without_weights()
    preprocessing = Preprocessing(pruned(encoder), mean, deviation, names, is_strict, given)
    held = {"preprocessing": preprocessing.plain(), "report": report.plain(), CODING: writer.coding.plain()}
    return {"sizes": sizes.tolist(), **held}
