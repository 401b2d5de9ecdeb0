"""Why the command line's parser refuses something, out of the page that it says of it."""

import re

from command_line.class_names import choices_at, having, no_such_class, suggested_at

# What jsonargparse wraps around the reason of a refusal.
WRAPPING = re.compile(
    r"Parser key|Does not validate against|Subtypes:|Errors:|Problem with given class_path|Given value|Subclass types expect"
    r"|a class path \(str\)|a dict with|$"
)
# What YAML makes of a word without quotes.
OTHER_THAN_TEXT = re.compile(
    r"True|False|None|null|[-+.\d][-+.\d:eE_ ]*|datetime\..*|\d{4}-\d\d-\d\d.*|\.?(nan|inf)", re.IGNORECASE
)
# Of several kinds of values that would fit, what is said of the one that was meant: it is more than of the wrong kind.
TELLING = re.compile(
    r"the following arguments are required|Option '.+' is not accepted|Expected a dot import path string|No module named"
    r"|Unexpected import path format"
    r"|.+ has no attribute|.*instantiatable class, but"
)
NO_SUBCLASS = re.compile(
    r"Expected '(.+?)' to be a (?:function that returns|subclass of) <class '(.+?)'>"
    r"|Import path (\S+ )?does not correspond to a subclass of (\w+)"
)
# What jsonargparse stumbles over in a name such as "{0}" or "?".
UNREADABLE = re.compile(r"unsupported operand type|.*object is not (iterable|subscriptable)|.*unhashable")
IN_A_FILE = "; a name such as 'a: b' or '[a]', which YAML reads as something else, is given in a file, --config=FILE, in quotes"
# What the shipped comparisons name, and the extra it comes with.
EXTRAS = {"pytorch_optimizer": "bench"}
# Of a module whose parts are set before it is one.
TOO_EARLY = re.compile(r"before Module.__init__\(\) call")
PATH = re.compile(r"Expected a path but (\S+) either not accessible or invalid")
OTHER_KIND = re.compile(r"Expected an? |Import path .+ does not correspond|Not a valid subclass of")


def reason(message: str) -> str:
    """The innermost reason in a message of jsonargparse, with the option it is about; other messages on one line."""
    lines = [line.strip().removeprefix("- ") for line in re.sub(r'(Parser key "[^"]+":)', r"\n\1\n", message).splitlines()]
    if not any(WRAPPING.match(line) for line in lines if line):
        return plain(message)
    keys = [key for key in re.findall(r'Parser key "([^"]+)"', message) if key != "config"]
    reasons = [line for line in lines if not WRAPPING.match(line) and line != "Expected a <class 'NoneType'>"]
    # A class that is made from settings may be named by a file of them too, which it is not if anything else is wrong.
    reasons = [line for line in reasons if not PATH.match(line)] or reasons
    text = _most_telling(reasons) if reasons else " ".join(message.split())
    if text.startswith("--"):  # a parser within the parser has found the words already
        above = "--" + "".join(f"{key}." for key in keys)
        typed = above + re.sub(r"(?<=and )--|--(?=\S+\.help=CLASS)", above, text.removeprefix("--"))
        return typed.replace("--help explains", f"{above.rstrip('.')}.help=CLASS explains")
    if UNREADABLE.match(text):
        return f"--{'.'.join(keys)}: one of its values is read as YAML, and is none{IN_A_FILE}"
    option, place = "--" + ".".join(keys), keys[-1].rpartition(".")[2] if keys else ""
    if said := _of_a_class(text, message, option, place):
        return said
    if file := re.search(r"sub-config file (\S+\.py)\b", message):
        return f"{option}: {file[1]} is a file of Python: name the class in it by its package, as in my_package.Net"
    if value := re.search(r"Unable to load config '(.+)'", text):
        return f"{option} holds {value[1]!r}: give settings there, each as name: value"
    kinds = [line for line in reasons if re.match(r"Expected an? ", line) and not line.startswith("Expected a path but")]
    types = [match for line in kinds if (match := re.match(r"Expected an? (.+?)(\. Got value: (.*))?$", line))]
    if types and OTHER_KIND.match(text):
        given = types[0][3] or next((line.removeprefix("Given value: ") for line in lines if "Given value: " in line), "?")
        wanted = " or ".join(dict.fromkeys(re.sub(r"<class '(.+)'>|typing\.Literal\[(.+)\]", r"\1\2", t[1]) for t in types))
        wanted = re.sub(r"collections\.abc\.Sequence", "list", wanted)
        is_one = OTHER_THAN_TEXT.match(given) is None or re.fullmatch(r"[-+.\d]+", given)
        hint = f", [{given}] say" if wanted.startswith("list") and is_one else ""
        if "str" in wanted.split(" or ") and OTHER_THAN_TEXT.fullmatch(given):
            hint = "; YAML reads names such as no, on and 2010 as something else: put it in quotes"
        elif wanted == "str" and given[:1] in ("{", "["):
            hint = IN_A_FILE
        return f"{option}={given} does not fit: {wanted} belongs there{hint}"
    if (path := PATH.search(message)) and not PATH.match(text):
        return f"{option}: {path[1]} cannot be imported: {text}"
    return f"{option}: {text}" if keys else text


def plain(message: str) -> str:
    """A message on one line."""
    # Not all blanks: those in the name of a column are a part of it.
    plain = re.sub(r"\s*\n\s*", " ", message).strip()
    # A wrong key of a file, in the words for a wrong option, so that the parser suggests the right one.
    plain = re.sub(r"^Group '(.+)' does not accept option '(.+)'$", r"unrecognized arguments: --\1.\2", plain)
    plain = re.sub(r"^Option '(\w+\.class_path)' is not accepted$", r"unrecognized arguments: --\1", plain)
    return re.sub(
        r"^the following arguments are required: (data|model)(, model)?$",
        r"\1\2 must be named: by --data=CLASS and --model=CLASS, or data and model with a class_path each in the file",
        plain,
    )


def _most_telling(reasons: list[str]) -> str:
    for wanted in (TELLING.match, lambda line: not OTHER_KIND.match(line)):
        if found := next((line for line in reasons if wanted(line)), None):
            return found
    return reasons[0]


def _of_a_class(text: str, message: str, option: str, place: str) -> str | None:
    """What is wrong with a class that was named, or with its options; None if it is something else."""
    if denied := re.search(r"Importing '(.+?)' is not allowed", text):
        return f"{option}: {denied[1]} runs, opens or imports something, and a configuration may not name it{choices_at(place)}"
    if other := NO_SUBCLASS.search(text):
        path = (other[1] or other[3] or "it").strip()
        return f"{option}: {path} is no {other[2] or other[4]}{choices_at(place)}"
    if missing := re.search(r"the following arguments are required: (.+?)\.? ?(Got value|$)", text):
        first, *others = missing[1].split(", ")
        names = ", ".join([f"{option}.{first}", *others])
        return f"{names} {'are' if others else 'is'} missing: {'they have' if others else 'it has'} no default"
    if unknown := re.match(r"(?:Expected a dot import path string|Unexpected import path format): (.+)", text):
        return no_such_class(option, unknown[1])
    if unknown := re.search(r"No module named '(.+?)'|module '.+?' has no attribute '.+?'", text):
        if (package := unknown[1]) in EXTRAS:
            return f"{option}: {package} is not installed: pip install '.[{EXTRAS[package]}]'"
        named = re.search(r"'class_path': '([^']+)'|class_path='([^']+)'|given class_path '([^']+)'", message)
        word = next(filter(None, named.groups()), "") if named else ""
        if package and not word.startswith(package):
            return f"{option}: {word} cannot be imported: {unknown[0]}"
        near = suggested_at(place, word) if word else ""
        return f"{option}: there is no class {word}{near} ({unknown[0]}){choices_at(place)}"
    if TOO_EARLY.search(text):
        made = re.findall(r"given class_path '([^']+)'", message)
        name = made[-1] if made else "a module"
        return f"{name} cannot be made: its __init__ has to begin with super().__init__()"
    if abstract := re.search(r"instantiatable class, but (\S+) is abstract", text):
        return f"{option}: {abstract[1]} is abstract and cannot be used itself{choices_at(place)}"
    if refused := re.match(r"Option '(.+)' is not accepted(.*)", text):
        lists = "scripts/comparing/peers explains what does" if place == "peer" else f"{option}.help=CLASS lists what does"
        elsewhere = having(option, refused[1]) if not refused[2] else ""
        return f"{option}.{refused[1]} does not exist for the chosen class{refused[2]}: {elsewhere}{lists}"
    if "Not a valid subclass of" in text or "but got" in text or "a function or a callable class" in text:
        return f"{option}: give the name of a class, or its class_path with init_args{choices_at(place)}"
    return None
