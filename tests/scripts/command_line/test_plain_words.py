"""Descriptions without what is for those who read the code."""

from command_line.plain_words import first_sentence, of_option, paragraphs, plain


def test_marks_and_names_of_files_are_left_out() -> None:
    text = "μ of the *mean* loss (`damping.py`), see :class:`~torch.optim.Adam` and `this <https://x.y>`__, ``ddp``"
    assert plain(text) == "μ of the mean loss, see Adam and this, ddp"
    assert plain("a * b * c") == "a * b * c"


def test_an_option_is_told_without_a_default_of_its_own() -> None:
    assert of_option("How often. Default: ``True``.") == "How often."
    assert of_option("step size (default: 1e-3)") == "step size"
    assert of_option("of three (default: (1, 2, 3))") == "of three"
    assert of_option("so many.\n .. note:: not seen") == "so many."


def test_paragraphs_end_where_the_arguments_begin() -> None:
    assert paragraphs("A net\nof nodes.\n\nTwo kinds:\n- one,\n  small\n- two.\n\nArgs:\n    a: b") == [
        "A net of nodes.",
        "Two kinds:",
        "- one, small",
        "- two.",
    ]
    assert first_sentence("A net: of nodes. And more.\n\nThen") == "A net"
