"""Where operations run: partitions nest, override, and ignore cores that a board does not have."""

import pytest
import torch
from torch import nn

import vollo_torch
from vollo_compiler import Config, ProgramBuilder

Partition = vollo_torch.CorePartition


class Partitioned(nn.Module):
    """Layers within nested partitions; 64 x 64 weights are 64 blocks of 8 x 8 each."""

    def __init__(self, *partitions, override=False):
        super().__init__()
        self.outer, self.inner = nn.Linear(64, 64), nn.Linear(64, 64)
        self.partitions = partitions
        self.override = override

    def forward(self, x):
        with Partition(self.partitions[0]):
            x = self.outer(x)
            with Partition(self.partitions[1], override=self.override):
                return self.inner(x)


def _blocks(model, cores=4, **options):
    prepared, _ = vollo_torch.fx.prepare_shape(model, torch.zeros(64))
    builder = ProgramBuilder(Config.ip_core(cores, 8))
    builder.add_nnir(vollo_torch.fx.nnir.to_nnir(prepared), **options)
    return builder.to_program().metrics().weight_store_used


def test_an_inner_partition_narrows_the_outer_one():
    blocks = _blocks(Partitioned([0, 2], [2]))
    assert blocks[1] == blocks[3] == 0
    assert sum(blocks) == 128
    assert blocks[2] >= 64


def test_an_override_leaves_the_outer_partition():
    blocks = _blocks(Partitioned([0], [3], override=True))
    assert blocks == [64, 0, 0, 64]


def test_an_inner_partition_outside_of_the_outer_one_is_refused():
    with pytest.raises(ValueError, match=r"CorePartition: cores \[3\] are not in the enclosing"):
        _blocks(Partitioned([0], [3]))


def test_cores_that_the_board_does_not_have_are_ignored():
    assert _blocks(Partitioned([0, 5], [5, 0]), cores=2) == [128, 0]
    assert sum(_blocks(Partitioned([7], [7]), cores=2)) == 128


class CalledTwice(nn.Module):
    """One layer in two partitions."""

    def __init__(self, first, second):
        super().__init__()
        self.layer = nn.Linear(64, 64)
        self.partitions = first, second

    def forward(self, x):
        for cores in self.partitions:
            with Partition(cores):
                x = self.layer(x)
        return x


@pytest.mark.parametrize(
    ("first", "second", "blocks"),
    [([1], [3], [0, 64, 0, 64]), ([1], [1], [0, 64, 0, 0]), ([2], [0, 2], [0, 0, 64, 0])],
)
def test_a_layer_called_in_two_partitions_is_stored_where_each_needs_it(first, second, blocks):
    assert _blocks(CalledTwice(first, second)) == blocks


def test_a_model_stays_on_its_cores_and_within_them_on_its_partitions():
    assert _blocks(Partitioned([0, 1], [1]), core_indices=[1, 2]) == [0, 128, 0, 0]


@pytest.mark.parametrize("cores", [1, 2, 3, 4])
def test_a_partition_changes_no_bit(cores):
    x = torch.randn(64).numpy()
    torch.manual_seed(2)
    model = Partitioned([0, 2], [2])
    prepared, _ = vollo_torch.fx.prepare_shape(model, torch.zeros(64))
    nnir = vollo_torch.fx.nnir.to_nnir(prepared)
    model.partitions = ([0, 1, 2, 3], [0, 1, 2, 3])
    free, _ = vollo_torch.fx.prepare_shape(model, torch.zeros(64))
    board = Config.ip_core(cores, 8)
    got = nnir.to_program(board).to_vm().run(x)
    want = vollo_torch.fx.nnir.to_nnir(free).to_program(board).to_vm().run(x)
    assert got.tobytes() == want.tobytes()


class Added(nn.Module):
    """Layers within partitions of their own whose results are added up outside of them."""

    def __init__(self, *partitions):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(64, 64) for _ in partitions)
        self.partitions = partitions

    def forward(self, x):
        total = x
        for layer, partition in zip(self.layers, self.partitions, strict=True):
            with Partition(partition):
                y = layer(x)
            total = total + y
        return total


AFTER = {
    "x + y": lambda x, y: x + y,
    "y + 1": lambda x, y: y + 1,
    "relu": lambda x, y: torch.relu(y),
    "relu of a sum": lambda x, y: torch.relu(y + x),
    "tanh": lambda x, y: torch.tanh(y),
    "where": lambda x, y: torch.where(x > 0, y, x),
}


@pytest.mark.parametrize("core", [0, 3])
@pytest.mark.parametrize("after", AFTER)
def test_what_follows_outside_does_not_move_a_layer(after, core):
    class Followed(Added):
        def forward(self, x):
            with Partition(self.partitions[0]):
                y = self.layers[0](x)
            return AFTER[after](x, y)

    blocks = [0] * 4
    blocks[core] = 64
    assert _blocks(Followed([core])) == blocks


def test_layers_that_are_added_up_stay_where_each_belongs():
    class Sum(Added):
        def forward(self, x):
            with Partition(self.partitions[0]):
                first = self.layers[0](x)
            with Partition(self.partitions[1]):
                second = self.layers[1](x)
            return first + second

    assert _blocks(Sum([3], [1])) == [0, 64, 0, 64]
    assert _blocks(Sum([2], [2])) == [0, 0, 128, 0]
    assert _blocks(Added([3], [1], [2])) == [0, 64, 64, 64]
    assert _blocks(Sum([1, 2], [2, 3])) == [0, 0, 128, 0]


def test_an_addition_in_another_partition_leaves_the_layer_alone():
    class Elsewhere(Added):
        def forward(self, x):
            with Partition(self.partitions[0]):
                y = self.layers[0](x)
            with Partition([1]):
                return torch.relu(y + x)

    assert _blocks(Elsewhere([2])) == [0, 0, 64, 0]


def test_partitions_with_a_common_core_change_no_bit_of_what_is_added_up():
    x = torch.randn(64).numpy()
    outputs = set()
    for partitions in (([0], [0, 1]), ([1], [1]), ([0, 1], [0, 1]), ([0, 1], [1])):
        torch.manual_seed(2)
        traced, _ = vollo_torch.fx.prepare_shape(Added(*partitions), torch.zeros(64))
        program = vollo_torch.fx.nnir.to_nnir(traced).to_program(Config.ip_core(2, 8))
        outputs.add(program.to_vm().run(x).tobytes())
    assert len(outputs) == 1
