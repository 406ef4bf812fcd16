"""Any training state as named arrays and JSON, and back: torch state dicts and JAX pytrees. Never pickle."""

from typing import Any

import numpy as np

_LEAF = "$array"


def pack(state: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """A JSON-able structure and the arrays it refers to.

    torch modules, optimisers and schedules go by their ``state_dict``; any other tree by its JAX leaves.
    Raises TypeError for a leaf that is neither an array nor plain data.
    """
    arrays: dict[str, np.ndarray] = {}
    if hasattr(state, "state_dict"):
        return {"torch": _packed(state.state_dict(), "", arrays)}, arrays
    import jax

    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    names = [jax.tree_util.keystr(path) or "." for path, _ in leaves]
    arrays.update((name, np.asarray(leaf)) for name, (_, leaf) in zip(names, leaves))
    return {"jax": names}, arrays


def restore(state: Any, structure: Any, arrays: dict[str, np.ndarray], name: str) -> Any:
    """`state` with the values of a checkpoint: the same object for torch, a new tree for JAX.

    Raises ValueError where names or shapes differ, naming them.
    """
    if hasattr(state, "load_state_dict"):
        found = _unpacked(structure["torch"], arrays)
        try:
            state.load_state_dict(found)
        except (RuntimeError, KeyError, ValueError) as error:
            raise ValueError(f"the checkpoint does not fit {name}: {' '.join(str(error).split())}") from None
        return state
    import jax

    leaves, tree = jax.tree_util.tree_flatten_with_path(state)
    wanted = {jax.tree_util.keystr(path) or ".": np.shape(leaf) for path, leaf in leaves}
    found = {key: arrays[key].shape for key in structure["jax"]}
    if wanted != found:
        differing = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
        raise ValueError(
            f"the checkpoint does not fit {name}: {', '.join(differing[:5])} differ in {len(differing)} places"
        )
    values = [jax.numpy.asarray(arrays[key], dtype=np.asarray(leaf).dtype) for key, (_, leaf) in zip(wanted, leaves)]
    return tree.unflatten(values) if hasattr(tree, "unflatten") else jax.tree_util.tree_unflatten(tree, values)


def _packed(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    if hasattr(value, "detach") or isinstance(value, np.ndarray):  # a tensor
        arrays[path] = value.detach().cpu().numpy().copy() if hasattr(value, "detach") else value
        return {_LEAF: path}
    if isinstance(value, dict):
        # Pairs, since the keys of an optimiser's state are numbers.
        return {"dict": [[key, _packed(inner, f"{path}/{key}", arrays)] for key, inner in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_packed(inner, f"{path}/{n}", arrays) for n, inner in enumerate(value)]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"cannot keep {path}: {type(value).__name__} is neither an array nor plain data")


def _unpacked(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    if _LEAF in value:
        import torch

        return torch.from_numpy(np.array(arrays[value[_LEAF]]))
    if "dict" in value:
        return {key: _unpacked(inner, arrays) for key, inner in value["dict"]}
    kind, inner = next(iter(value.items()))
    return (list if kind == "list" else tuple)(_unpacked(one, arrays) for one in inner)
