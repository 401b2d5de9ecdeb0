"""Names and cells that mean something to a program that they pass through."""

MARKUP = ["rate [/min]", "weight [kg]", "[/]", "[bold red]x", "[link=http://x]y[/link]", ":smile:", "[on red]", "{task.fields}"]
FORMULAE = ["$\\frac{$", "$10_$20", "$50%-$100", "\\$", "$x$", "$$", "a_b^c", "\\alpha $", "%\\\\$", "_hidden", "$"]
ESCAPES = ["\x1b[31mred", "\x1b]0;title\x07", "\x07bell", "back\x08\x08", "\x9b31mC1", "\x1bc", "\x7fdel", "car\rriage"]
UNSEEN = [
    "\u202eevil\u202c",
    "zero\u200bwidth",
    "\ufeffbom",
    "joined\u200dup",
    "soft\u00adhyphen",
    "no\u00a0break",
    "line\u2028break",
]
SCRIPTS = ["العربية", "עברית", "中文", "日本語", "😀", "👨‍👩‍👧", "e\u0301", "ｗｉｄｅ", "𝒳", "ﬁ", "\U000f0000", "Zürich"]
PATHS = ["../../x", "/etc/passwd", "..", ".", "a/b", "C:\\x", "~", "$HOME", "a*b", "logs[1]", "?"]
PATTERNS = ["[a-z]+", "(?P<x>", ".*", "a|b", "\\1", "^x$", "(", "\\"]
TEMPLATES = ["{0}", "{}", "{name}", "%s%d", "%(x)s", "{x!r}", "{{"]
PAGES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=y>",
    "&amp;",
    "</table>",
    "`x`",
    "![](http://x/y.png)",
    "**b**",
    "a & b",
]
SHEETS = ["=1+1", "@SUM(A1)", "-2+3", "+1+1", "=cmd|' /C calc'!A0", "＝1"]
QUOTES = ["'quoted'", 'say "hi"', '"', "''", "a,b", "a;b", "a\tb", "line\nbreak", "two\r\nlines", "\\n", '""']
OURS = [
    "class",
    "value",
    "probability x",
    "target",
    "bias",
    "intercept",
    "step",
    "train/loss",
    "weights",
    "value 0",
    "column 1",
]
WORDS = ["NaN", "null", "None", "True", "no", "1", "1e5", "~", "#x", "% y", "//c", "sep=;", "-", "--help", "index", "id"]
BLANK = ["", " ", "  padded  ", "\t"]
LONG = ["x" * 3000, "ab " * 200, "é" * 500]
TWINS = ["Case", "case", "CASE", "twin", "twin", "twin ", "a: b", "b", "a"]
KINDS = [
    MARKUP, FORMULAE, ESCAPES, UNSEEN, SCRIPTS, PATHS, PATTERNS, TEMPLATES, PAGES, SHEETS, QUOTES, OURS, WORDS, BLANK, LONG,
    TWINS,
]  # fmt: skip

NUMBERS = [
    "nan", "inf", "-inf", "1e39", "-1e39", "1e308", "1e309", "-0", "0", "99999999999999999999999", "-9223372036854775809",
    "0x10", "1_000", "1,5", "١٢", "1e-320", "+5", "5-", "1.2.3", "1/2", "50%", "$5", "(3)", "--1", "1e", "∞", "", "NA", "?",
]  # fmt: skip
FILES = [
    "table", "a*b", "logs[1]", "$x$_y", "\x1b[31mred", "\u202eevil", "中文", "new\nline", "{0}", "a b", "[red]", "x'y\"z", "%s",
    "$HOME", "#x", "bad\udcff", "-x", "a: b",
]  # fmt: skip
