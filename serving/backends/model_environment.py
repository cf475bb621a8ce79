"""What a model's own process has of the server's environment.

Rule: what a program needs to run, and what the model's config names; so no key, password or address of the server's
comes along unasked, and of the server's own settings nothing at all.
"""

import os
import sys
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

_OURS = "SLIPWAY_*"
_NEEDED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR", "TERM", "LANG", "LANGUAGE", "LC_*"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "LD_BIND_NOW", "GLIBC_TUNABLES", "MALLOC_*", "PYTHON*", "VIRTUAL_ENV"),
    *("OMP_*", "GOMP_*", "KMP_*", "MKL_*", "OPENBLAS_*", "NUMEXPR_*", "ORT_*", "TORCH_*", "PYTORCH_*"),
    *("CUDA_*", "CUBLAS_*", "CUDNN_*", "NVIDIA_*", "NCCL_*", "XDG_CACHE_HOME", "HF_HOME"),
)


def model_environment(environment: Mapping[str, str], named: Collection[str]) -> dict[str, str]:
    """For a Python that finds the modules that this one finds."""
    wanted = (*_NEEDED, *named)
    kept = {
        name: value
        for name, value in environment.items()
        if any(fnmatchcase(name, each) for each in wanted) and not fnmatchcase(name, _OURS)
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path)}
