"""YAML -> `Graph`: names, verbs, edges and conditions with their places. Whether they fit is `runner.check`'s question.

Later wins: the base, the file, the chosen size, ``--set``, the graph's own options.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from blocks.load import nearest, suggest
from blocks.spec import PRESETS, AudioSpec
from runner.graph.nodes import (
    CONSTANT,
    KEYS,
    LOOKUP,
    RUN,
    SETTINGS,
    SUBKEYS,
    TESTS,
    VERBS,
    Condition,
    Constant,
    Edge,
    Graph,
    Lookup,
    Node,
    Scale,
    spec_errors,
)
from runner.graph.overlay import Overlay
from runner.graph.tree import GraphError, Item, Place

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTION = re.compile(r"[a-z][a-z0-9_]*")
_MEMORY = re.compile(r"[0-9]+(\.[0-9]+)? ?[KMGT]i?B")


def parse_graph(
    path: str | Path, sets: Sequence[str] = (), size: str | None = None, options: Mapping[str, str | None] | None = None
) -> Graph:
    """The graph in a YAML file, with its base merged, a size chosen (default: the first) and ``node.key=value`` set.

    `options` are values of options that the graph itself declares, by name.

    Raises GraphError with what could not be read; it holds the rest as `graph`. `runner.check.read_graph` adds what is
    wrong with that.
    """
    reader = _Reader(str(path))
    graph = reader.read(list(sets), size, options or {})
    if reader.problems:
        raise GraphError(reader.problems, graph.file if graph else str(path), graph)
    return graph


class _Reader(Overlay):
    def read(self, sets: list[str], size: str | None, options: Mapping[str, str | None]) -> Graph | None:
        tree = self.load(self.file, Place(self.file))
        if tree is None:
            return None
        if base := tree.get("base"):
            tree = self.over_base(tree, base)
            if tree is None:
                return None
        written = tree  # sizes and overrides are laid over it, but a problem of `sizes` stands here
        tree, size = self.sized(tree, size)
        for text in sets:
            tree = self.set(tree, text)
        for name, value in options.items():
            tree = self.option(tree, name, value)
        return self.graph(tree, written, size)

    def edge(self, item: Item, what: str) -> Edge | None:
        parts = item.value.split(".") if isinstance(item.value, str) else []
        if len(parts) == 2 and all(parts):
            return Edge(*parts, item.place)
        self.wrong(item.place, f"{what}: want node.field, got {item.kind()}")
        return None

    # ---- the graph ----

    def graph(self, tree: Item, written: Item, size: str | None) -> Graph:
        graph = Graph(self.file, Path(self.file).stem, tree=written, size=size)
        graph.about = self.text(tree.get("about"), "about") or ""
        graph.paper = self.text(tree.get("paper"), "paper") or ""
        graph.spec = self.spec(tree.get("spec"))
        graph.seed = self.number(tree.get("seed"), "seed", "a whole number from 0", _count(0), 0)
        graph.max_failed = self.number(
            tree.get("max_failed"), "max_failed", "a share from 0 to 1", lambda x: 0 <= x <= 1, 0.01
        )
        if item := tree.get("on_error"):
            graph.on_error = item.value
            if item.value not in ("quarantine", "stop"):
                self.wrong(item.place, f"on_error: want quarantine or stop, got {item.kind()}")
        graph.options = self.options(tree.get("options"))
        graph.outputs = self.texts(tree.get("outputs"), "outputs", "node", "a folder")
        nodes = tree.get("nodes")
        if nodes is None or nodes.value in (None, {}):
            self.wrong(nodes.place if nodes else Place(self.file, 1, 1), "no nodes; want nodes: {name: {verb: ...}}")
        for name, item in self.mapping(nodes if nodes and nodes.value else None, "{name: {verb: ...}}").items():
            known = len(self.problems)
            node = self.node(name, item, nodes.keys[name])
            graph.nodes[name] = node
            if len(self.problems) > known:
                graph.broken.add(name)
            if node.block and "config" in KEYS[node.verb]:
                graph.unsized[name] = _plain(written.get("nodes", name, "config")) or {}
        graph.sizes = _plain(written.get("sizes")) if isinstance(_plain(written.get("sizes")), dict) else {}
        graph.source = tree.drop("base", "sizes").plain()
        return graph

    def options(self, item: Item | None) -> dict[str, str]:
        for name, place in (item.keys if item else {}).items():
            if not _OPTION.fullmatch(name):
                self.wrong(place, f"options: {name!r}: want lower-case letters, digits and _, as for --{name.lower()}")
            elif name in RUN:
                self.wrong(
                    place, f"options: voxblocks run has a --{name.replace('_', '-')} of its own; want another name"
                )
        found = {}
        for name, target in self.texts(item, "options", "name", "node.key").items():
            if len(target.split(".")) > 1 and all(target.split(".")):
                found[name] = target
            else:
                self.wrong(item.get(name).place, f"options.{name}: want node.key, got {target!r}")
        return found

    def texts(self, item: Item | None, name: str, what: str, want: str) -> dict[str, str]:
        """A mapping to texts that are not empty."""
        found = {}
        for key, value in self.mapping(item, f"{name}: {{{what}: {want}}}").items():
            if isinstance(value.value, str) and value.value:
                found[key] = value.value
            else:
                self.wrong(value.place, f"{name}.{key}: want {want}, got {value.kind()}")
        return found

    def spec(self, item: Item | None) -> AudioSpec:
        known = len(self.problems)
        fields = self.spec_fields(item)
        try:
            return AudioSpec(**fields) if len(self.problems) == known else AudioSpec()
        except ValidationError as error:
            for message, keys in spec_errors(error):
                self.wrong(item.at(*keys, value=True), message)
            return AudioSpec()

    def spec_fields(self, item: Item | None) -> dict:
        """The fields that a ``spec:`` names, by a preset or one by one."""
        if item is None:
            return {}
        preset = item if isinstance(item.value, str) else item.get("preset")
        fields = {}
        if preset is not None and preset.value not in PRESETS:
            self.wrong(preset.place, f"unknown spec preset {preset.kind()}{suggest(str(preset.value), list(PRESETS))}")
        elif preset is not None:
            fields = PRESETS[preset.value].model_dump()
        if preset is not item:
            for name, value in self.mapping(item, "the name of a spec preset or a mapping of its fields").items():
                if name in AudioSpec.model_fields:
                    fields[name] = value.plain()
                elif name != "preset":
                    known = [*AudioSpec.model_fields, "preset"]
                    self.wrong(item.keys[name], f"spec: unknown field {name!r}{suggest(name, known)}")
        return fields

    # ---- a node ----

    def node(self, name: str, item: Item, place: Place) -> Node:
        node = Node(name, "", None, place, tree=item)
        if not _NAME.fullmatch(name):
            self.wrong(
                place, f"node name {name!r}: want letters, digits and _, since node.field is how edges are written"
            )
        elif name in SETTINGS:
            self.wrong(place, f"node name {name!r}: --set means the graph's own {name} by it; want another name")
        if not isinstance(item.value, dict):
            self.wrong(item.place, f"{name}: want a mapping with a verb, got {item.kind()}")
            return node
        node.verb, item = self.verb(name, item, place)
        if not node.verb:
            return node
        node.tree = item = self.known_keys(node, item)
        self.verb_value(node, item.get(node.verb))
        if "in" in KEYS[node.verb]:
            node.inputs = self.inputs(item.get("in"), f"{name}.in: {{field: node.field}}", name)
        if "config" in KEYS[node.verb]:
            node.config = {
                k: v.plain() for k, v in self.mapping(item.get("config"), f"{name}.config: {{key: value}}").items()
            }
        if node.verb == "pick":
            node.limit = self.limit(node, item.get("config"))
        for key in ("method", "model", "init", "released"):
            if key in KEYS[node.verb] and item.get(key):
                setattr(node, key, self.text(item.get(key), f"{name}.{key}"))
        if "by" in KEYS[node.verb] and item.get("by"):
            node.by = self.edge(item.get("by"), f"{name}.by")
        if "where" in KEYS[node.verb]:
            node.where = self.where(name, item.get("where"))
        if "scale" in KEYS[node.verb]:
            node.scale = self.scale(name, item.get("scale"))
        if "spec" in KEYS[node.verb]:
            node.spec = self.spec_fields(item.get("spec"))
        return node

    def limit(self, node: Node, config: Item | None) -> int | None:
        """How many rows a pick may have; it has no other setting."""
        for key in node.config:
            if key != "limit":
                self.wrong(config.keys[key], f"{node.name}: a pick has no config key {key!r}{suggest(key, ['limit'])}")
        item = config.get("limit") if node.config else None
        return self.number(item, f"{node.name}.limit", "a whole number from 1", _count(1), None)

    def verb(self, name: str, item: Item, place: Place) -> tuple[str, Item]:
        """The verb of a node, and the node with it; one that is misspelt is read on as the one that was meant."""
        found = [verb for verb in VERBS if verb in item.value]
        if len(found) == 1:
            return found[0], item
        odd = next((key for key in item.value if key not in SUBKEYS and key not in VERBS), None)
        if found:
            second = max((item.keys[verb] for verb in found), key=lambda at: (at.line, at.column))
            self.wrong(second, f"{name}: want one verb, got {' and '.join(found)}")
        elif odd:
            self.wrong(item.keys[odd], f"{name}: unknown verb {odd!r}{suggest(odd, VERBS)}")
            if likely := nearest(odd, VERBS):
                return likely, item.renamed(odd, likely)
        else:
            self.wrong(place, f"{name}: no verb; want one of {', '.join(VERBS)}")
        return "", item

    def known_keys(self, node: Node, item: Item) -> Item:
        """The node; a key that is misspelt is read on as the one that was meant."""
        known = (node.verb, *KEYS[node.verb])
        for key in item.value:
            if key in known:
                continue
            of = [verb for verb in VERBS if key in KEYS[verb]]
            if of:
                self.wrong(item.keys[key], f"{node.name}: {key!r} is for {', '.join(of)}, not for a {node.verb}")
            else:
                self.wrong(item.keys[key], f"{node.name}: unknown key {key!r}{suggest(key, known)}")
                if (likely := nearest(key, known)) and likely not in item.value:
                    item = item.renamed(key, likely)
        return item

    def verb_value(self, node: Node, item: Item) -> None:
        """What stands behind the verb: a block, a path, fields or nodes."""
        name, verb = node.name, node.verb
        if verb == "pick":
            node.inputs = self.inputs(item, f"{name}.pick: {{field: node.field}}", name, nested=False)
            if isinstance(item.value, dict) and not item.value:
                self.wrong(item.place, f"{name}: nothing to pick; want pick: {{field: node.field}}")
        elif verb == "union":
            texts = [i.value for i in item.value if isinstance(i.value, str)] if isinstance(item.value, list) else []
            if len(texts) < 2 or len(texts) < len(item.value):
                self.wrong(item.place, f"{name}.union: want a list of two or more nodes, got {item.plain()!r}")
            node.members = tuple(texts)
        elif verb == "load":
            node.path = self.text(item, f"{name}.load")
            node.block = self.text(node.tree.get("as"), f"{name}.as")
            if node.tree.get("as") is None:
                self.wrong(node.place, f"{name}: load wants as: kind.variant beside it")
        else:
            node.block = self.text(item, f"{name}.{verb}")

    def inputs(self, item: Item | None, want: str, path: str, nested: bool = True) -> dict:
        found = {}
        for field_name, value in self.mapping(item, want).items():
            here = f"{path}.{field_name}"
            keys = set(value.value) if isinstance(value.value, dict) else None
            if keys in (CONSTANT, LOOKUP) and not nested:
                what = "a constant" if keys == CONSTANT else "another row's field"
                leaf = self.wrong(
                    value.place, f"{here}: a pick shows fields as they are; give {what} to the node that needs it"
                )
            elif keys == CONSTANT:
                leaf = self.constant(value.get("value"), here)
            elif keys == LOOKUP:
                leaf = self.lookup(value, here)
            elif nested and isinstance(value.value, dict):
                leaf = self.inputs(value, "", here)
            else:
                leaf = self.edge(value, here)
            if leaf is not None:
                found[field_name] = leaf
        return found

    def lookup(self, item: Item, what: str) -> Lookup | None:
        row, at = self.edge(item.get("row"), f"{what}.row"), item.get("at")
        fixed = isinstance(at.value, dict) and at.value.keys() == CONSTANT
        at = self.constant(at.get("value"), f"{what}.at") if fixed else self.edge(at, f"{what}.at")
        return Lookup(row, at, item.place) if row and at else None

    def constant(self, item: Item, what: str) -> Constant | None:
        value = item.plain()
        if value is None:
            self.wrong(item.place, f"{what}: want a value, got nothing; leave out what is to be missing")
        elif isinstance(value, dict) or (isinstance(value, list) and not all(map(_is_number, value))):
            self.wrong(
                item.place, f"{what}: want a text, a number, true, false or a list of numbers, got {item.kind()}"
            )
        else:
            return Constant(tuple(value) if isinstance(value, list) else value, item.place)
        return None

    def where(self, name: str, item: Item | None) -> tuple[Condition, ...]:
        found = []
        for key, value in self.mapping(item, f"{name}.where: {{node.field: value}}").items():
            known = len(self.problems)
            edge = self.edge(Item(key, item.keys[key]), f"{name}.where")
            test = self.test(f"{name}.where {key}", value)
            if edge is not None:
                found.append(Condition(edge, test if len(self.problems) == known else {}))
        return tuple(found)

    def test(self, what: str, item: Item):
        if isinstance(item.value, list):
            return tuple(self.test(what, child) for child in item.value)
        if not isinstance(item.value, dict):
            return item.value
        for key, child in item.value.items():
            if key not in TESTS:
                self.wrong(item.keys[key], f"{what}: unknown operator {key!r}{suggest(key, TESTS)}")
            elif isinstance(child.value, dict) or (key != "not" and isinstance(child.value, list)):
                self.wrong(child.place, f"{what}: {key} wants a plain value, got {child.kind()}")
        if not item.value:
            self.wrong(item.place, f"{what}: want a value, a list or one of {', '.join(TESTS)}")
        return {key: tuple(v) if isinstance(v := child.plain(), list) else v for key, child in item.value.items()}

    def scale(self, name: str, item: Item | None) -> Scale:
        values = self.mapping(item, f"{name}.scale: {{workers: 1, cpus: 1, gpus: 0}}")
        for key in values:
            if key not in Scale.__dataclass_fields__:
                known = list(Scale.__dataclass_fields__)
                self.wrong(item.keys[key], f"{name}.scale: unknown key {key!r}{suggest(key, known)}")
        rules = {
            "workers": ("a whole number from 1", _count(1)),
            "cpus": ("a number above 0", lambda x: x > 0),
            "gpus": ("0, a share of one, or a whole number", lambda x: x >= 0 and (x <= 1 or x == int(x))),
            "batch_size": ("a whole number from 1", _count(1)),
        }
        found = {
            key: self.number(values[key], f"{name}.scale.{key}", *rules[key], None) for key in rules if key in values
        }
        if (memory := values.get("memory")) is not None:
            found["memory"] = memory.value
            if not isinstance(memory.value, str) or not _MEMORY.fullmatch(memory.value):
                self.wrong(memory.place, f"{name}.scale.memory: want a size such as 4GB, got {memory.kind()}")
        if (audio := values.get("audio")) is not None:
            found["audio"] = audio.value
            if audio.value != "flac":
                self.wrong(audio.place, f"{name}.scale.audio: want flac, got {audio.kind()}")
        return Scale(**found)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(least: int):
    return lambda value: isinstance(value, int) and value >= least


def _plain(item: Item | None):
    return item.plain() if item else None
