"""What is laid over a graph's file before it is read: its base below it, then a size, then ``--set`` and options on top."""

from pathlib import Path

from blocks.load import find, suggest
from runner.graph.nodes import CONSTANT, KEYS, LOOKUP, RUN, SETTINGS, SUBKEYS, TOP, VERBS
from runner.graph.tree import Asker, Item, Place, parse


class Overlay(Asker):
    def load(self, file: str, place: Place) -> Item | None:
        """The tree of one file, if it is a mapping of known keys."""
        try:
            text = Path(file).read_text("utf-8")
        except OSError as error:
            return self.wrong(place, f"cannot read {file}: {(error.strerror or str(error)).lower()}")
        except UnicodeDecodeError as error:
            return self.wrong(Place(file, 1, 1), f"want UTF-8, got byte {error.object[error.start]:#04x}")
        known = len(self.problems)
        tree = parse(text, file, self.problems)
        if tree is None:
            if len(self.problems) == known:
                self.wrong(Place(file, 1, 1), "the file is empty; want a mapping with nodes")
            return None
        if not isinstance(tree.value, dict):
            return self.wrong(tree.place, f"want a mapping with nodes, got {tree.kind()}")
        for key in tree.value:
            if key not in TOP:
                self.wrong(tree.keys[key], f"unknown key {key!r}{suggest(key, TOP)}")
        return tree

    def over_base(self, tree: Item, base: Item) -> Item | None:
        name = self.text(base, "base")
        if name is None:
            return tree
        file = str(Path(self.file).parent / name)
        below = self.load(file, base.place)
        if below is None:
            return tree
        if below.get("base"):
            return self.wrong(
                base.place, f"base {name} has a base itself ({below.at('base')}); only one level is allowed"
            )
        return _merge(below, self.known_to(below, name, tree))

    def known_to(self, below: Item, name: str, tree: Item) -> Item:
        """`tree` without nodes that only mean to change one of the base's, and miss it."""
        known, changes = below.get("nodes"), tree.get("nodes")
        if not known or not changes or not isinstance(changes.value, dict):
            return tree
        for node, item in changes.value.items():
            no_new_one = item.value is None or (isinstance(item.value, dict) and item.value.keys() <= SUBKEYS)
            if known.get(node) is None and no_new_one:
                message = f"base {name} has no node {node!r}{_near(node, known)}; a new one wants a verb"
                self.wrong(changes.keys[node], message)
                tree = tree.put(("nodes",), tree.get("nodes").drop(node))
        return tree

    def sized(self, tree: Item, size: str | None) -> tuple[Item, str | None]:
        """`tree` with one size's values in the nodes' configs; every size is looked at."""
        sizes = self.mapping(tree.get("sizes"), "sizes: {size: {node: {key: value}}}")
        if size is not None and size not in sizes:
            self.wrong(Place(f"--size {size}"), f"no such size{suggest(size, list(sizes)) or '; the graph has none'}")
        chosen = size or next(iter(sizes), None)
        nodes = tree.get("nodes")
        for name, item in sizes.items():
            for node, values in self.mapping(item, f"size {name!r}: {{node: {{key: value}}}}").items():
                if not nodes or nodes.get(node) is None:
                    self.wrong(item.keys[node], f"size {name!r}: no node {node!r}{_near(node, nodes)}")
                elif verb := self.without_config(tree, node):
                    self.wrong(item.keys[node], f"size {name!r}: {node} is a {verb}, which has no config")
                else:
                    for key, value in self.mapping(values, f"size {name!r}: {node}: {{key: value}}").items():
                        if key != "limit" and tree.get("nodes", node, "pick"):
                            self.wrong(values.keys[key], f"size {name!r}: {node} is a pick, which has a limit alone")
                        elif name == chosen:
                            tree = self.configure(tree, node, (key,), value, values.keys[key])
        return tree, chosen

    def option(self, tree: Item, name: str, value: str | None) -> Item:
        """`tree` with one of the graph's own options, ``--speaker NAME``, laid over it."""
        known = self.mapping(tree.get("options"), "options: {name: node.key}")
        if target := known.get(name.replace("-", "_")):
            if value is None:
                self.wrong(Place(f"--{name}"), f"want a value, as in --{name} VALUE")
                return tree
            fits = isinstance(target.value, str)  # else it is a problem of the file's
            return self.set(tree, f"{target.value}={value}", Place(f"--{name} {value}")) if fits else tree
        near = suggest(name, [*known, *(each.replace("_", "-") for each in RUN)])
        own = f"{', '.join(f'--{each}' for each in known) or 'none'} beside those of voxblocks run"
        self.wrong(Place(f"--{name}"), f"no such option{near}; this graph has {own}")
        return tree

    def set(self, tree: Item, text: str, place: Place | None = None) -> Item:
        """`tree` with one ``node.key=value`` of the command line."""
        place = place or Place(f"--set {text}")
        target, equals, raw = text.partition("=")
        path = tuple(target.strip().split("."))
        if not equals or not all(path):
            self.wrong(place, "want node.key=value")
            return tree
        known = len(self.problems)
        value = self.value(raw, place, _is_text(tree, path))
        if len(self.problems) > known:
            return tree
        if path[0] == "spec" or (path[0] in SETTINGS and len(path) == 1):
            if len(path) == 2 and (old := tree.get("spec")) and isinstance(old.value, str):
                tree = tree.put(("spec",), Item({"preset": old}, place, {"preset": old.place}))
            return tree.put(path, value)
        nodes = tree.get("nodes")
        if nodes is None or nodes.get(path[0]) is None:
            names = [*(nodes.value if nodes and isinstance(nodes.value, dict) else ()), *SETTINGS]
            self.wrong(place, f"nothing is called {path[0]!r}{suggest(path[0], names)}")
        elif verb := self.without_config(tree, path[0]):
            self.wrong(place, f"{path[0]} is a {verb}, which has no config")
        elif len(path) == 1:
            self.wrong(place, f"want a config key of {path[0]}, as in {path[0]}.key=value")
        else:
            return self.configure(tree, path[0], path[1:], value, place)
        return tree

    def value(self, raw: str, place: Place, is_text: bool) -> Item:
        """YAML, but where a text is wanted just that: quotes around the whole are taken off, all else is left alone."""
        if is_text and not (raw[:1] in ("'", '"') and raw[-1:] == raw[:1] and parse(raw, place.file, [], place)):
            return Item(raw.strip(), place)
        return parse(raw, place.file, self.problems, place) or Item(None, place)

    def without_config(self, tree: Item, node: str) -> str | None:
        """The verb of a node that has no config."""
        return next((verb for verb in VERBS if "config" not in KEYS[verb] and tree.get("nodes", node, verb)), None)

    def configure(self, tree: Item, node: str, path: tuple[str, ...], value: Item, key: Place) -> Item:
        """`tree` with a config value of a node replaced."""
        full = ("nodes", node, "config", *path)
        if (config := tree.get(*full[:3])) and config.value is None:
            tree = tree.put(full[:3], Item({}, config.place))
        tree = tree.put(full, value)
        tree.get(*full[:-1]).keys[path[-1]] = key
        return tree


def _is_text(tree: Item, path: tuple[str, ...]) -> bool:
    """Whether a key of a node's config is a plain text by its block's own word."""
    if len(path) != 2:
        return False
    named = (tree.get("nodes", path[0], verb) for verb in VERBS if "config" in KEYS[verb])
    try:
        fields = find(next(item.value for item in named if item)).Config.model_fields
    except Exception:  # no such node or block, or one that cannot be imported: `check` tells
        return False
    return path[1] in fields and fields[path[1]].annotation is str


def _near(name: str, nodes: Item | None) -> str:
    return suggest(name, list(nodes.value)) if nodes and isinstance(nodes.value, dict) else ""


def _is_one_value(old: Item, new: Item) -> bool:
    """Whether a constant or another row's field is replaced, or replaces; one key of a lookup may change alone."""
    part = old.value.keys() == LOOKUP and new.value.keys() < LOOKUP
    return not part and any(item.value.keys() in (CONSTANT, LOOKUP) for item in (old, new))


def _merge(below: Item, above: Item, path: tuple[str, ...] = ()) -> Item:
    """`above` laid over `below`: mappings key by key, all else replaced. A null takes a node, a key, an edge or an option away."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    values, keys = dict(below.value), dict(below.keys)
    for name, item in above.value.items():
        here = (*path, name)
        removable = here[0] == "nodes" and (len(here) in (2, 3) or (len(here) > 3 and here[2] in ("in", "pick")))
        removable |= here[0] in ("options", "outputs") and len(here) == 2
        if item.value is None and removable and name in values:
            del values[name]
            continue
        old = values.get(name)
        both = old is not None and isinstance(old.value, dict) and isinstance(item.value, dict)
        both = both and not (here[2:3] == ("in",) and _is_one_value(old, item))
        # A key that both have keeps its place in the order, but points to the file that speaks last.
        values[name] = _merge(old, item, here) if both else item
        keys[name] = above.keys[name]
    return Item(values, above.place, keys)
