"""Mutants of a user's transform: its rules, and that the package says which one it has."""

from __future__ import annotations

from tools.mutants.mutant import FUNCTION, Mutant

TRANSFORM, PACKED = FUNCTION + "documents/transform.py", FUNCTION + "packed.py"
UNIT = "tests/unit/test_transform.py"


def _mutant(name: str, old: str, new: str, test: str, file: str = TRANSFORM) -> Mutant:
    return Mutant(f"transform: {name}", file, old, new, (UNIT, "-k", test))


MUTANTS = (
    _mutant(
        "a document that goes without it",
        "        if self.transform is None:\n            return found\n",
        "        return found\n",
        "go_through_it or goes_through_it",
        FUNCTION + "documents/shape.py",
    ),
    _mutant(
        "a configuration that leaves it out",
        "self.when, self.transform, self.view, self.keep_expired)",
        "self.when)",
        "every_function_starts",
        FUNCTION + "config.py",
    ),
    _mutant(
        "a start without it",
        "        transform=transform_in(),\n",
        "",
        "every_function_starts",
        FUNCTION + "config.py",
    ),
    _mutant(
        "sets handed out as they come",
        '"SS": AttributeType(_strings, _same_texts, _plain_texts, sorted)',
        '"SS": AttributeType(_strings, _same_texts, _plain_texts, list)',
        "plain_values_in_order",
        FUNCTION + "documents/values.py",
    ),
    _mutant(
        "names handed out as they come",
        "in sorted(members.items())\n    }",
        "in members.items()\n    }",
        "plain_values_in_order",
        FUNCTION + "documents/values.py",
    ),
    _mutant(
        "the item itself handed out",
        "found = self.call(document, Item(image), view)",
        "found = self.call(document, image, view)",
        "seen_by_nobody",
    ),
    _mutant("a key of another value taken", "not same(image[key], tree(made[name]))", "False", "names_path_and_type"),
    _mutant(
        "a key that it leaves out left out",
        "        if key and key in image:\n            made[name] = image[key]\n",
        "",
        "put_back",
    ),
    _mutant(
        "a name that is kept taken", "name not in given if not key else", "False if not key else", "is_refused_by_it"
    ),
    _mutant(
        "a number that DynamoDB could not hold taken",
        "if not possible_number(text):",
        "if not text:",
        "names_path_and_type",
    ),
    _mutant(
        "a document of any size taken",
        "if self.size > LARGEST_TRANSFORMED:",
        "if self.size < 0:",
        "names_path_and_type",
    ),
    _mutant("a document of any depth taken", "if depth == NESTING:", "if depth < 0:", "no_deeper"),
    _mutant(
        "half of a surrogate pair taken",
        "len(value) if value.isascii() else len(value.encode())",
        "len(value)",
        "names_path_and_type",
    ),
    _mutant("the path left out", "odd.path.append(name)", "pass", "names_path_and_type"),
    _mutant(
        "a message of an exception told",
        "raised {type(error).__name__}{_at(error)}. {REMEDY}",
        "raised {error!r}{_at(error)}. {REMEDY}",
        "nothing_else",
        PACKED,
    ),
    _mutant(
        "one that never ends waited for",
        "(self._stopped if is_main else self.function)",
        "self.function",
        "never_ends",
        PACKED,
    ),
    _mutant(
        "one that is late taken",
        "if time.monotonic() - began > self.longest:",
        "if self.longest < 0:",
        "told_when_it_ends",
        PACKED,
    ),
    _mutant(
        "arithmetic of the thread's own", "with localcontext(ARITHMETIC):", "with localcontext():", "all_digits", PACKED
    ),
    _mutant(
        "one of two arguments taken",
        'inspect.signature(function).bind({}, {}, "")',
        "inspect.signature(function)",
        "cannot_be_used",
        PACKED,
    ),
    _mutant(
        "another one not told from the verified one",
        "else (config.transform.digest,)",
        "else ()",
        "another_transform_is_doubted",
        FUNCTION + "reconcile/identity.py",
    ),
    _mutant(
        "a package that does not name it",
        'f".transform-{transform[:12]}" if transform else ""',
        '""',
        "every_function_starts",
        FUNCTION + "__init__.py",
    ),
)
