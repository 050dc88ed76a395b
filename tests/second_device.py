"""A second device, made of the host's memory, which refuses what a GPU would refuse.

Few machines that run these tests have a GPU. A tensor on the device ``second`` holds one of the
CPU, where every operation is done, once it is certain that all its tensors are on this device.
So code that mixes devices, or that takes such a tensor for an array, fails here as it does there.
What a GPU *computes* is another question, and is tested on machines that have one.
"""

from __future__ import annotations

import torch
from torch.utils import backend_registration
from torch.utils._pytree import tree_leaves, tree_map_only

NAME = "second"


class Guard(backend_registration._DummyDeviceGuard):
    """No device, so no thread of its own for backward: Python might abort where it is left over."""

    def deviceCount(self):
        return 0


class Module(backend_registration._DummyBackendModule):
    """No device either, whose random numbers ``fork_rng`` would have to keep."""

    def device_count(self):
        return 0


backend_registration._setup_privateuseone_for_python_backend(
    NAME, backend_module=Module(), device_guard=Guard()
)
torch.autograd.set_multithreading_enabled(False)
DEVICE = torch.device(NAME, 0)
aten = torch.ops.aten
HERE = torch.library.Library("aten", "IMPL")
REST = torch.library.Library("_", "IMPL")


class Second(torch.Tensor):
    """A tensor of the second device; ``raw`` is the one that it stands for."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, raw: torch.Tensor) -> Second:
        strides = raw.stride() if raw.layout is torch.strided else None
        made = torch.Tensor._make_wrapper_subclass(
            cls, raw.size(), strides=strides, dtype=raw.dtype, device=DEVICE
        )
        made.raw = raw
        return made

    @classmethod
    def __torch_dispatch__(cls, op, types, args=(), kwargs=None):
        return run(op, *args, **(kwargs or {}))

    def tolist(self):
        return self.raw.tolist()

    def __repr__(self):
        return f"Second({self.raw})"


def run(op, *args, **kwargs):
    """Do an operation on the CPU, if all its tensors live here; numbers may come from anywhere."""
    if op is aten._to_copy.default:
        target = kwargs.pop("device", None) or args[0].device
        raw = op(bare(args[0]), **kwargs)
        return raw if target.type == "cpu" else Second(raw)
    if op is aten.copy_.default:
        bare(args[0]).copy_(bare(args[1]))
        return args[0]
    indices = op.overloadpacket in (aten.index, aten.index_put, aten.index_put_)
    strict = args[0] if indices else (args, kwargs)  # indices may come from the CPU
    tensors = [leaf for leaf in tree_leaves(strict) if isinstance(leaf, torch.Tensor)]
    if any(tensor.dim() and not isinstance(tensor, Second) for tensor in tensors):
        devices = [str(tensor.device) for tensor in tensors]
        raise RuntimeError(f"{op} found tensors on several devices: {', '.join(devices)}")
    if "device" in kwargs:
        kwargs["device"] = "cpu"
    args, kwargs = tree_map_only(Second, bare, (args, kwargs))
    # What an operation changed in place it returns: as the tensor that was given.
    given = {id(tensor.raw): tensor for tensor in tensors if isinstance(tensor, Second)}
    out = op(*args, **kwargs)
    return tree_map_only(
        torch.Tensor, lambda raw: given[id(raw)] if id(raw) in given else Second(raw), out
    )


def bare(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.raw if isinstance(tensor, Second) else tensor


def make_here(op):
    """New tensors by ``op``, whatever the device asked for."""
    return lambda *args, device=None, **kwargs: Second(op(*args, **kwargs, device="cpu"))


def copy_here(source, target, non_blocking=False):
    bare(target).copy_(bare(source))
    return target


def gru(x, start, weights, biases, layers, dropout, train, both_ways, batch_first):
    """One layer, from its parts: torch's own turns tensors in place, which none here can follow."""
    W, U, b, c = weights
    time = 1 if batch_first else 0
    hidden, states = start[0], []
    for now in x.unbind(time):
        (r, z, n), (r_h, z_h, n_h) = (now @ W.T + b).chunk(3, -1), (hidden @ U.T + c).chunk(3, -1)
        z = (z + z_h).sigmoid()
        hidden = z * hidden + (1 - z) * (n + (r + r_h).sigmoid() * n_h).tanh()
        states.append(hidden)
    return torch.stack(states, time), hidden[None]


REST.fallback(run, "PrivateUse1")
for name in (
    *("empty.memory_format", "empty_strided", "arange", "arange.start", "arange.start_step"),
    *("eye", "eye.m", "randperm", "randperm.generator", "linspace"),
):
    operation, _, overload = name.partition(".")
    chosen = getattr(getattr(aten, operation), overload or "default")
    HERE.impl(name, make_here(chosen), "PrivateUse1")
HERE.impl("_copy_from", copy_here, "PrivateUse1")
HERE.impl("gru.input", gru, "AutogradPrivateUse1")
