"""Tables that cannot be fitted, and the options that ask for what a table has not."""

from collections.abc import Callable

from tests.scripts.command_line.bad_input import LINEAR, Bad


def rows(line: Callable[[int], str], count: int = 40) -> str:
    return "".join(f"{line(i)}\n" for i in range(count))


FILES = {
    "good.csv": "x,y,kind,price\n" + rows(lambda i: f"{i},{i % 7},{'ab'[i % 2]},{i / 4}"),
    "empty.csv": "",
    "header.csv": "x,kind\n",
    "ragged.csv": "x,kind\n1,a\n2\n3,b,c\n",
    "semicolons.csv": "x;kind\n" + rows(lambda i: f"{i};{'ab'[i % 2]}"),
    "infinite.csv": "x,kind\n" + rows(lambda i: f"{'inf' if i == 3 else i},{'ab'[i % 2]}"),
    "hole.csv": "x,kind\n" + rows(lambda i: f"{'' if i == 3 else i},{'ab'[i % 2]}"),
    "target_hole.csv": "x,kind\n" + rows(lambda i: f"{i},{'' if i == 3 else 'ab'[i % 2]}"),
    "slip.csv": "x,kind\n" + rows(lambda i: f"{'l0' if i == 3 else i},{'ab'[i % 2]}"),
    "decimal_comma.csv": "x,kind\n" + rows(lambda i: f'"{i},5",{"ab"[i % 2]}'),
    "identifiers.csv": "x,id,kind\n" + rows(lambda i: f"{i},p{i}q,{'ab'[i % 2]}", 200),
    "constant.csv": "x,c,kind\n" + rows(lambda i: f"{i},1,{'ab'[i % 2]}"),
    "constant_text.csv": "x,c,kind\n" + rows(lambda i: f"{i},red,{'ab'[i % 2]}"),
    "one_class.csv": "x,kind\n" + rows(lambda i: f"{i},a"),
    "rare_class.csv": "x,kind\n" + rows(lambda i: f"{i},{'b' if i == 0 else 'a'}"),
    "two_rows.csv": "x,kind\n1,a\n2,b\n",
    "twice.csv": "x,x,kind\n" + rows(lambda i: f"{i},{i},{'ab'[i % 2]}"),
    "dates.csv": "day,kind\n" + rows(lambda i: f"2024-01-{i % 28 + 1:02d},{'ab'[i % 2]}"),
    "huge.csv": "x,price\n" + rows(lambda i: f"{i}e300,{i / 4}"),
    "huge_target.csv": "x,price\n" + rows(lambda i: f"{i},{i / 4}e300"),
    "table.xls": "x,kind\n1,a\n",
    "text.parquet": "this is no parquet",
}


def table(file: str, *args: str, target: str = "kind") -> list[str]:
    return ["--data=TabularDataModule", f"--data.path={file}", f"--data.target={target}", *args]


# What is else done and said.
STRICT = "--data.strict=true"
TABLES = {
    "empty": Bad(table("empty.csv"), ("empty.csv has no rows", "check the file")),
    "header-only": Bad(table("header.csv"), ("header.csv has no rows", "check the file")),
    "ragged": Bad(table("ragged.csv"), ("row 3 of the file has 1 cell where 2 belong", "check the file, or give delimiter")),
    "delimiter-of-file": Bad(
        table("semicolons.csv", "--data.delimiter=,"), ("no column 'kind' (target)", "its columns are 'x;kind'")
    ),
    "infinite": Bad(table("infinite.csv"), ("'x' holds 'inf' in row 4", "not finite", "missing_codes")),
    "hole": Bad(table("hole.csv", STRICT), ("missing values: 'x' (1)", "fill them in")),
    "hole-in-target": Bad(table("target_hole.csv", STRICT), ("1 without a target", "drop those rows")),
    "slip": Bad(table("slip.csv"), ("'x' holds numbers, but text in 1 of 40 rows (first 'l0', row 4)", "correct those cells")),
    "decimal-comma": Bad(table("decimal_comma.csv", STRICT), ("'x' (decimal commas)", "write plain ones")),
    "identifiers": Bad(table("identifiers.csv", STRICT), ("number or name the rows: 'id'", "exclude")),
    "constant": Bad(table("constant.csv", STRICT), ("constant in the training rows: 'c'", "exclude")),
    "constant-text": Bad(table("constant_text.csv", STRICT), ("constant in the training rows: 'c'", "exclude")),
    "one-class": Bad(table("one_class.csv"), ("one class only ('a')", "choose another target")),
    "rare-class": Bad(table("rare_class.csv", STRICT), ("class 'b' has 1 row,", "add rows of that class")),
    "two-rows": Bad(table("two_rows.csv"), ("2 rows leave none for training", "add rows")),
    "same-name-twice": Bad(table("twice.csv", STRICT), ("several 'x'", "rename them")),
    "dates": Bad(table("dates.csv", STRICT), ("has dates: 'day'", "name them in exclude")),
    "huge": Bad(table("huge.csv", LINEAR, target="price"), ("values above 1e+150", "'x'", "overflow", "larger unit")),
    "huge-target": Bad(table("huge_target.csv", LINEAR, target="price"), ("values above", "the target", "larger unit")),
    "ending": Bad(table("table.xls"), ("only text files", "not .xls")),
    "no-parquet": Bad(table("text.parquet"), ("text.parquet cannot be read as parquet", "write it anew")),
    "cut-parquet": Bad(table("cut.parquet"), ("cut.parquet cannot be read as parquet", "write it anew")),
    "lists": Bad(table("nested.parquet"), ("no column left", "neither numbers, texts nor dates: 'x' (list<")),
    "not-utf-8": Bad(table("latin.csv", "--data.encoding=utf-8"), ("cannot be read as csv", "decode", "encoding")),
    "folder": Bad(table("folder.csv"), ("there is no file folder.csv", "it is a folder", "check the path")),
    "missing": Bad(table("none.parquet"), ("there is no file none.parquet", "check the path")),
    "exclude-all": Bad(table("good.csv", "--data.exclude=[x,y,price]"), ("no column left besides the target 'kind'",)),
    "exclude-unknown": Bad(table("good.csv", "--data.exclude=[z]"), ("no column 'z' (exclude)", "'x', 'y'")),
    "exclude-target": Bad(table("good.csv", "--data.exclude=[kind]"), ("'kind' cannot be left out", "remove it")),
    "exclude-text": Bad(table("good.csv", "--data.exclude=x"), ("--data.exclude=x", "list belongs there")),
    "categorical-unknown": Bad(table("good.csv", "--data.categorical=[z]"), ("no column 'z' (categorical)",)),
    "delimiter": Bad(table("good.csv", "--data.delimiter=ab"), ("delimiter='ab'", "one character")),
    "task": Bad(table("good.csv", "--data.task=guess"), ("--data.task=guess", "'regression' belongs there")),
    "text-regression": Bad(
        table("good.csv", "--data.task=regression"), ("holds 'a', 'b', not numbers", "use task=classification")
    ),
}
