"""Changes one expression of a module's source while a `with` lasts, for everybody who holds its functions or classes.

The changed source is compiled beside the module; then the code of each function and method is exchanged in place, so
that `from module import function` elsewhere sees the change too, and constants are set.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def mutated(module: types.ModuleType, old: str, new: str) -> Iterator[None]:
    """Replace the only occurrence of `old` in the module's source by `new`.

    Raises:
        AssertionError: `old` does not occur exactly once, so the test no longer changes what it says.
    """
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{module.__name__} has {source.count(old)} times {old!r}"
    before = _compiled(module, source)
    after = _compiled(module, source.replace(old, new))
    _exchange(module, vars(after))
    try:
        yield
    finally:
        _exchange(module, vars(before))


def _compiled(module: types.ModuleType, source: str) -> types.ModuleType:
    """A second copy of the module, under its name but not in sys.modules."""
    copy = types.ModuleType(module.__name__)
    copy.__dict__.update(__file__=module.__file__, __package__=module.__package__)
    source = re.sub(r"^@register_\w+\(.*\)$", "", source, flags=re.MULTILINE)  # fairseq registers a name once
    exec(compile(source, str(module.__file__), "exec", dont_inherit=True), copy.__dict__)
    return copy


def _exchange(module: types.ModuleType, names: dict[str, object]) -> None:
    for name, wanted in names.items():
        current = module.__dict__.get(name)
        if isinstance(wanted, (int, float, str, tuple)) and not name.startswith("__"):
            setattr(module, name, wanted)
        elif isinstance(current, types.FunctionType) and current.__module__ == module.__name__:
            _exchange_code(current, wanted)
        elif isinstance(current, type) and current.__module__ == module.__name__:
            for attribute, method in vars(wanted).items():
                own = vars(current).get(attribute)
                if isinstance(own, types.FunctionType):
                    _exchange_code(own, method)
                elif isinstance(own, (int, float, str)) and not attribute.startswith("__"):
                    setattr(current, attribute, method)


def _exchange_code(function: types.FunctionType, other: object) -> None:
    function, other = inspect.unwrap(function), inspect.unwrap(other)
    function.__code__, function.__defaults__ = other.__code__, other.__defaults__
    function.__kwdefaults__ = other.__kwdefaults__
