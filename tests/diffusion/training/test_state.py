from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from pleinair.diffusion.training.recipes import Lesson
from pleinair.diffusion.training.state import Learner, as_matrix, write_whole
from pleinair.errors import TrainingError

LESSON = Lesson(steps=20, batch=1, rate=0.01, warmup=4, decay=0.5)


def _network() -> nn.Sequential:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(8, 4))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # it can


def _weight(layer: nn.Module) -> nn.Parameter:
    return cast("nn.Parameter", layer.weight)


def _learner(budget: float | None = None, *, lesson: Lesson = LESSON) -> Learner:
    network = _network()
    matrices = [_weight(network[0]), _weight(network[2])]
    return Learner(network, lesson, matrices=matrices, budget=budget)


def _steps(learner: Learner, count: int) -> None:
    for _ in range(count):
        torch.manual_seed(learner.step)
        learner.learn(learner.network(torch.randn(2, 4, 3, 3)).square().mean())


def _equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_it_learns() -> None:
    learner = _learner()
    x = torch.randn(8, 4, 3, 3)
    before = learner.network(x).square().mean()
    _steps(learner, 20)
    assert learner.network(x).square().mean() < 0.7 * before
    assert learner.done
    assert learner.progress == 1


def test_the_matrix_of_a_convolution_is_its_own_memory() -> None:
    weight = _weight(_network()[0])
    matrix = as_matrix(weight)
    assert matrix.shape == (8, 36)
    with torch.no_grad():
        matrix[3] = 5.0
    assert (weight[3] == 5).all()
    assert not (weight[2] == 5).any()
    with pytest.raises(TrainingError, match="channels-last"):
        as_matrix(_weight(nn.Conv2d(4, 8, 3)))


def test_muon_moves_matrices_and_adamw_the_rest() -> None:
    learner = _learner()
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    _steps(learner, 1)
    for name, value in learner.network.state_dict().items():
        assert not torch.equal(value, before[name]), name
    change = (learner.network.state_dict()["2.weight"] - before["2.weight"]).float()
    sizes = torch.linalg.svdvals(change)
    assert sizes[1] > 0.5 * sizes[0]  # two clips give two directions; Muon goes as far in both


def test_the_rate_rises_stays_and_falls() -> None:
    learner = _learner()
    rates = []
    for step in range(learner.total + 1):
        learner.step = step
        rates.append(learner.rate)
    assert rates[:4] == [0.25, 0.5, 0.75, 1]
    assert rates[4:11] == [1] * 7
    assert rates[15] == pytest.approx(0.5)
    assert rates[20] == 0


def test_the_average_follows_the_weights() -> None:
    learner = _learner()
    start = {name: value.clone() for name, value in learner.average.items()}
    _steps(learner, 20)
    for name, value in learner.network.state_dict().items():
        behind = (learner.average[name] - value).norm()
        assert 0 < behind < (start[name] - value).norm()


def test_going_on_from_a_checkpoint_is_as_if_nothing_was(tmp_path: Path) -> None:
    straight = _learner()
    _steps(straight, 9)
    first = _learner()
    _steps(first, 5)
    first.save(tmp_path / "kept.pt")
    resumed = _learner()
    resumed.load(tmp_path / "kept.pt")
    assert resumed.step == 5
    _steps(resumed, 4)
    assert _equal(straight.network.state_dict(), resumed.network.state_dict())
    assert _equal(straight.average, resumed.average)


def test_a_budget_decides_the_steps_until_the_rate_falls(tmp_path: Path) -> None:
    learner = _learner(budget=100.0)
    for _ in range(10):
        learner.step += 1
        learner.spend(2.0)
    assert learner.total == 50
    learner.save(tmp_path / "kept.pt")
    learner.step = 26
    learner.spend(1000.0)
    assert learner.total == 50
    again = _learner(budget=100.0)
    again.load(tmp_path / "kept.pt")
    assert (again.step, again.total, again.seconds) == (10, 50, 20.0)


def test_a_budget_that_is_spent_ends_the_lesson() -> None:
    learner = _learner(budget=1.0, lesson=replace(LESSON, steps=1000))
    for _ in range(8):
        learner.step += 1
        learner.spend(1.0)
    assert learner.total == 9


@pytest.mark.parametrize("kept", [b"", b"nonsense", None])
def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path, kept: bytes | None) -> None:
    path = tmp_path / "kept.pt"
    if kept is None:
        write_whole(path, {"network": {}})
    else:
        path.write_bytes(kept)
    with pytest.raises(TrainingError, match=r"kept\.pt: not a checkpoint"):
        _learner().load(path)


def test_a_checkpoint_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept.pt"
    _learner().save(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(TrainingError, match="not a checkpoint"):
        _learner().load(path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "kept.pt"
    write_whole(path, {"a": torch.ones(3)})
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        write_whole(path, {"a": lambda: 3})
    assert path.read_bytes() == before
