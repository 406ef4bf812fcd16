"""What made an entry of a store, from what, and what is new in it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from runner.store.entries import SHORT, Entry, entries, find_entry, mentions
from runner.store.store import Store

_COMPARED = (
    "block",
    "code",
    "config",
    "spec",
    "seed",
    "data",
    "limit",
    "inputs",
    "by",
    "where",
    "members",
    "model",
    "init",
)


def why(store: Store, prefix: str) -> str:
    """`lineage` as text, inputs indented below what they went into. Raises NoEntry."""
    return describe(lineage(store, prefix))


def lineage(store: Store, prefix: str) -> dict:
    """What made the entry whose digest begins with `prefix`: its inputs recursively, and what is new in it.

    ``since`` is the next older entry of the same node, ``changes`` lists where they differ.
    Raises NoEntry if no entry, or more than one, begins with `prefix`.
    """
    found = entries(store)
    return _explain(find_entry(found, prefix), found, set())


def describe(answer: dict, indent: str = "") -> str:
    """The answer of `why` as text, inputs indented below what they went into."""
    head = f"{indent}{answer['node'] or answer['kind']}: {answer['kind']} {answer['digest'][:SHORT]}"
    if "inputs" not in answer:
        return f"{head} (as above)"
    facts = {
        "block": answer["block"],
        "rows": answer["rows"],
        "created": answer["created"],
        "licences": ", ".join(answer["licences"]),
        "by": ", ".join(f"{name} {version}" for name, version in answer["versions"].items()),
    }
    lines = [head + "".join(f", {key} {value}" for key, value in facts.items() if value not in (None, ""))]
    if since := answer["since"]:
        lines.append(f"{indent}  differs from {since['digest'][:SHORT]} of {since['created']}:")
        lines += [f"{indent}    {change}" for change in answer["changes"] or ["nothing that was recorded"]]
    for name, made in answer["inputs"].items():
        lines += [f"{indent}  {name} <-", describe(made, indent + "    ")]
    return "\n".join(lines)


def _explain(entry: Entry, found: dict[str, Entry], seen: set[str]) -> dict:
    answer: dict = {"kind": entry.kind, "digest": entry.digest, "node": entry.meta.get("node")}
    if entry.digest in seen:
        return answer
    seen.add(entry.digest)
    older = _older(entry, found)
    answer |= {
        "block": entry.meta.get("block"),
        "rows": entry.manifest.get("rows"),
        "created": _text(entry.touched),
        "licences": list(entry.meta.get("licences", ())),
        "versions": entry.manifest.get("versions", {}),
        "made_by": {key: entry.meta[key] for key in _COMPARED if key in entry.meta},
        "since": {"digest": older.digest, "created": _text(older.touched)} if older else None,
        "changes": _changes(older.meta, entry.meta) if older else [],
        "inputs": {},
    }
    for key in ("inputs", "by", "where", "members", "model", "init", "artifact"):
        for path, digest in mentions(entry.meta.get(key), found, key):
            name = path.removeprefix("inputs.")
            while name in answer["inputs"]:  # members of a union share a key
                name += "'"
            answer["inputs"][name] = _explain(found[digest], found, seen)
    return answer


def _older(entry: Entry, found: dict[str, Entry]) -> Entry | None:
    same = ("node", "graph")
    if not entry.meta.get("node"):
        return None
    alike = (e for e in found.values() if e.digest != entry.digest and e.touched <= entry.touched)
    alike = (e for e in alike if all(e.meta.get(key) == entry.meta.get(key) for key in same))
    return max(alike, key=lambda e: e.touched, default=None)


def _changes(old: dict, new: dict) -> list[str]:
    before = dict(_leaves({key: old.get(key) for key in _COMPARED}))
    after = dict(_leaves({key: new.get(key) for key in _COMPARED}))
    return [
        f"{key}: {_show(after.get(key))}, was {_show(before.get(key))}"
        for key in dict.fromkeys([*after, *before])
        if before.get(key) != after.get(key)
    ]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _show(value: Any) -> str:
    return "absent" if value is None else str(value)


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
