import torch

from training.models.picture_flow import PictureFlow


def test_points_have_directions_of_their_own() -> None:
    flow = PictureFlow(size=6, classes=3, hidden=8, blocks=2, steps=1, guidance=1)
    torch.nn.init.normal_(flow.leave.weight)
    points, times, labels = torch.randn(4, 6), torch.rand(4, 1), torch.tensor([0, 1, 2, 3])
    found = flow(points, times, labels)
    assert found.shape == (4, 6)
    assert torch.allclose(found[2:3], flow(points[2:3], times[2:3], labels[2:3]), atol=1e-6)


def test_several_times_and_classes_may_be_told_of_all_points_at_once() -> None:
    flow = PictureFlow(size=6, classes=3, hidden=8, blocks=2, steps=1, guidance=1)
    torch.nn.init.normal_(flow.leave.weight)
    points, classes = torch.randn(4, 6), torch.tensor([[0, 1, 2, 0], [3, 3, 3, 3]])
    found = flow.directions(points, flow.told(torch.full((1, 1), 0.5), classes))
    assert found.shape == (2, 4, 6)
    assert torch.allclose(found[1], flow(points, torch.full((4, 1), 0.5), classes[1]), atol=1e-6)


def test_time_class_and_place_make_a_difference() -> None:
    flow = PictureFlow(size=6, classes=3, hidden=8, blocks=2, steps=1, guidance=1)
    torch.nn.init.normal_(flow.leave.weight)
    points, time, label = torch.randn(1, 6), torch.full((1, 1), 0.5), torch.tensor([1])
    found = flow(points, time, label)
    for other in ((points + 1, time, label), (points, time + 0.1, label), (points, time, label + 1)):
        assert not torch.allclose(found, flow(*other), atol=1e-4)


def test_it_begins_without_a_direction() -> None:
    flow = PictureFlow(size=6, classes=3, hidden=8, blocks=2, steps=1, guidance=1)
    found = flow(torch.randn(2, 6), torch.rand(2, 1), torch.tensor([0, 1]))
    assert torch.equal(found[0], found[1])
