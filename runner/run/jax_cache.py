"""Where JAX keeps what it compiled, so that the next process need not."""

from blocks.common.folders import cache


def compiled_programs() -> dict[str, str]:
    """Environment variables for it, one folder for all processes of a user."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache() / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",  # a shape compiles in less than the second that is the default
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
