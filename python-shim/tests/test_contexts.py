import contextlib
import threading

import pytest
import torch

import vollo_torch
from vollo_torch import CorePartition, Fp8Weights, Fp32Activations


class Marked(torch.nn.Module):
    """Has one addition under the contexts that the test enters."""

    def __init__(self, *contexts):
        super().__init__()
        self.contexts = contexts

    def forward(self, x):
        before = x + 1
        with contextlib.ExitStack() as stack:
            for context in self.contexts:
                stack.enter_context(context)
            inside = before + 2
        return inside + 3


def marks(*contexts):
    """Return what the three additions were marked with."""
    module, _ = vollo_torch.fx.prepare_shape(Marked(*contexts), torch.zeros(2))
    additions = [node for node in module.graph.nodes if node.op == "call_function"]
    keys = ("vollo_fp32_activations", "vollo_fp8_weights", "vollo_core_partition")
    return [tuple(node.meta[key] for key in keys) for node in additions]


PLAIN = (False, False, None)


def test_only_operations_inside_a_context_are_marked():
    assert marks(Fp32Activations()) == [PLAIN, (True, False, None), PLAIN]
    assert marks(Fp8Weights()) == [PLAIN, (False, True, None), PLAIN]
    assert marks(CorePartition([2, 0])) == [PLAIN, (False, False, (0, 2)), PLAIN]


def test_contexts_nest_and_one_instance_may_be_entered_inside_itself():
    context = Fp32Activations()
    assert marks(context, Fp8Weights(), context, CorePartition([1]))[1] == (True, True, (1,))


def test_a_context_around_the_tracing_holds_for_the_whole_model():
    with Fp32Activations():
        assert marks() == [(True, False, None)] * 3


def test_an_inner_partition_narrows_the_outer_one():
    assert marks(CorePartition([0, 1, 2]), CorePartition([1]))[1] == (False, False, (1,))


def test_an_inner_partition_outside_the_outer_one_is_refused_on_entry():
    with pytest.raises(ValueError) as error:
        marks(CorePartition([0, 1]), CorePartition([1, 5]))
    assert str(error.value) == (
        "CorePartition: cores [5] are not in the enclosing partition [0, 1]; "
        "use a subset of it or override=True"
    )


def test_override_replaces_the_outer_partition():
    assert marks(CorePartition([0]), CorePartition([5], override=True))[1] == (False, False, (5,))


@pytest.mark.parametrize(
    ("cores", "kind", "text"),
    [
        ([], ValueError, "CorePartition: needs at least one core"),
        ([-1], ValueError, "CorePartition: core index -1 is negative"),
        ([1.0], TypeError, "CorePartition: core indices are integers, got 1.0"),
        ([True], TypeError, "CorePartition: core indices are integers, got True"),
    ],
)
def test_partitions_that_are_no_cores_are_refused(cores, kind, text):
    with pytest.raises(kind) as error:
        CorePartition(cores)
    assert str(error.value) == text


def test_a_context_is_left_when_the_forward_raises():
    class Failing(torch.nn.Module):
        def forward(self, x):
            with Fp32Activations():
                raise RuntimeError("no")

    with pytest.raises(ValueError, match="RuntimeError: no"):
        vollo_torch.fx.prepare_shape(Failing(), torch.zeros(2))
    assert marks() == [PLAIN] * 3


def test_a_context_does_not_reach_into_another_thread():
    seen = []
    with Fp32Activations():
        thread = threading.Thread(target=lambda: seen.extend(marks()))
        thread.start()
        thread.join()
    assert seen == [PLAIN] * 3
