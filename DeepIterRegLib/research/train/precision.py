"""The number format of the network's forward and backward pass on a machine. Slicer never loads this."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.train.recipe import Precision

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def usable_precision(requested: Precision, device: str) -> Precision:
    """float32, bfloat16 or float16 for a request; raises InputError for one that `device` ("cpu", "cuda") cannot do.

    auto: bfloat16 where the processor or GPU computes with it (it needs no scaling of the loss); float16 on other GPUs.
    """
    if device == "cpu":
        if requested == "float16":
            raise InputError("The recipe's precision float16 needs a GPU; take bfloat16, float32 or auto.")
        if requested == "auto":
            return "bfloat16" if _cpu_has_bfloat16() else "float32"
    elif requested == "auto":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return requested


def autocast(precision: Precision, device: str) -> AbstractContextManager[None]:
    return torch.autocast(device, dtype=DTYPES.get(precision, torch.bfloat16), enabled=precision in DTYPES)


def _cpu_has_bfloat16() -> bool:
    """Whether it has instructions for it (AVX512-BF16, AMX); emulated it is slower than float32."""
    return any(
        getattr(torch.cpu, name, lambda: False)() for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
