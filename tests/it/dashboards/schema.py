"""Reads dashboards with Grafana's own types and says what those do not know.

Takes file names, prints a line per fault, ends with 1 if there was any. The types come from
Grafana's foundation SDK, which is generated from the schema of its dashboards.
"""

import enum
import json
import sys
import typing

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import TableFieldOptions
from grafana_foundation_sdk.models.dashboard import Dashboard

UNITS = {value for value in vars(units).values() if isinstance(value, str)}


def lost(written, read, place):
    """What was written and is no longer there once it was read."""
    if isinstance(written, dict):
        for key, value in written.items():
            if not isinstance(read, dict) or key not in read:
                yield f"{place}: `{key}` is not known"
            else:
                yield from lost(value, read[key], f"{place}.{key}")
    elif isinstance(written, list):
        if not isinstance(read, list) or len(read) != len(written):
            yield f"{place}: is not a list here"
        else:
            for n, (before, after) in enumerate(zip(written, read)):
                yield from lost(before, after, f"{place}[{n}]")
    elif written != read:
        yield f"{place}: {written!r} is read as {read!r}"


def enums_of(hint):
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        yield hint
    for part in typing.get_args(hint):
        yield from enums_of(part)


def wrong_words(value, place):
    """Values of closed sets that are not in them."""
    if isinstance(value, list):
        for n, item in enumerate(value):
            yield from wrong_words(item, f"{place}[{n}]")
    elif hasattr(value, "to_json") and not isinstance(value, enum.Enum):
        hints = typing.get_type_hints(type(value))
        for name, part in vars(value).items():
            known = [member.value for kind in enums_of(hints.get(name)) for member in kind]
            if isinstance(part, (str, int)) and known and part not in known:
                yield f"{place}.{name}: {part!r} is none of {known}"
            else:
                yield from wrong_words(part, f"{place}.{name}")


def faults(written):
    read = Dashboard.from_json(written)
    yield from lost(written, json.loads(json.dumps(read, cls=JSONEncoder)), "dashboard")
    yield from wrong_words(read, "dashboard")
    for panel in read.panels:
        # A kind of panel that is not known keeps its options as they were written.
        if isinstance(panel.options, dict):
            yield f"panel {panel.id_val}: `{panel.type_val}` is not a kind of panel"
        yield from wrong_words(panel.options, f"panel {panel.id_val}.options")
        settings = panel.field_config.defaults
        if panel.type_val == "table" and settings.custom is not None:
            # The one kind whose settings the SDK knows and does not connect.
            custom = TableFieldOptions.from_json(settings.custom)
            yield from lost(
                settings.custom,
                json.loads(json.dumps(custom, cls=JSONEncoder)),
                f"panel {panel.id_val}.custom",
            )
            settings.custom = custom
        if isinstance(settings.custom, dict):
            yield f"panel {panel.id_val}: `custom` is not for this kind of panel"
        yield from wrong_words(settings.custom, f"panel {panel.id_val}.custom")
        shown = [settings.unit]
        for override in panel.field_config.overrides:
            shown += [one.value for one in override.properties if one.id_val == "unit"]
        for unit in shown:
            if unit not in UNITS:
                yield f"panel {panel.id_val}: `{unit}` is not a unit"


register_default_plugins()
found = 0
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        for fault in faults(json.load(file)):
            print(f"{path}: {fault}")
            found += 1
sys.exit(1 if found else 0)
