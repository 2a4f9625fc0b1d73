"""One epoch of ours against one of a plain torch and torchvision loop with a DataLoader.

Same network, weights, images, batch size, precision and optimizer, in one process, epochs alternating. The
images are random, since speed does not depend on what they show. Ours keeps the standardised images on the
device and in channels-last order; the plain loop reads 8-bit images, as torchvision's data sets hold them,
through ``ToTensor`` and ``Normalize`` in a DataLoader, as tutorials do.

    python benchmarks/training.py [--network vgg16] [--width 16] [--images 2000] [--repetitions 5] [--workers 0]
"""

import statistics
import time
from collections.abc import Callable
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from mfta import networks, training
from mfta.configs import Training


class Images(Dataset):
    """Images as torchvision's CIFAR-100 holds them: 8-bit arrays, opened by PIL and transformed one by one."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:  # noqa: D107 (above)
        self.images, self.labels = images, labels
        self.transform = v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)]
        )

    def __len__(self) -> int:  # noqa: D105
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:  # noqa: D105
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def plain_epoch(network: nn.Module, optimizer: torch.optim.Optimizer, loader: DataLoader, config: Training) -> None:
    """What a tutorial does."""
    device = training.device()
    network.train()
    for images, targets in loader:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            loss = nn.functional.cross_entropy(network(images.to(device)), targets.to(device))
        loss.backward()
        optimizer.step()


def main(
    network: Annotated[str, typer.Option(help="a network of mfta.networks")] = "vgg16",
    width: Annotated[int, typer.Option(help="channels of its first stage")] = 16,
    images: Annotated[int, typer.Option(help="images an epoch")] = 2000,
    batch_size: Annotated[int, typer.Option(help="images a batch")] = 64,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16")] = "float32",
    compiled: Annotated[bool, typer.Option(help="compile our side, which pays on a GPU")] = False,
    workers: Annotated[int, typer.Option(help="processes of the DataLoader")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads of both")] = 2,
    repetitions: Annotated[int, typer.Option(help="epochs of each, after one that is not counted")] = 5,
) -> None:
    """Print seconds an epoch of both, their ratio and its spread."""
    torch.set_num_threads(threads)
    generator = np.random.default_rng(0)
    raw = generator.integers(0, 256, (images, 32, 32, 3), dtype=np.uint8)
    labels = generator.integers(0, 100, images)
    config = Training(
        network=network, width=width, batch_size=batch_size, precision=precision, compiled=compiled,
        learning_rate=0.01, epochs=repetitions + 1, threads=threads,
    )  # fmt: skip
    device = training.device()

    def fresh() -> tuple[nn.Module, torch.optim.Optimizer]:
        built = networks.build(network, 100, width, generator=torch.Generator().manual_seed(0)).to(device)
        return built, torch.optim.SGD(built.parameters(), config.learning_rate, config.momentum)

    theirs, their_optimizer = fresh()
    loader = DataLoader(Images(raw, labels), batch_size, shuffle=True, num_workers=workers)
    ours, our_optimizer = fresh()
    ours = ours.to(memory_format=training.LAYOUT)
    if compiled:
        ours.compile()
    standardised = (torch.from_numpy(raw).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    inputs = standardised.to(device, memory_format=training.LAYOUT)
    targets = torch.from_numpy(labels).to(device)

    sides: dict[str, Callable[[int], None]] = {
        "plain": lambda epoch: plain_epoch(theirs, their_optimizer, loader, config),
        "ours": lambda epoch: training.train_epoch(config, ours, our_optimizer, inputs, targets, epoch, precision),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for epoch in range(repetitions + 1):
        for name, side in sides.items():
            started = time.perf_counter()
            side(epoch + 1)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if epoch > 0:  # the first one warms caches and compiles
                seconds[name].append(time.perf_counter() - started)
    ratios = [a / b for a, b in zip(seconds["plain"], seconds["ours"], strict=True)]
    print(f"{network}, width {width}, {images} images in batches of {batch_size}, {precision}, {device}")
    for name, values in seconds.items():
        print(f"  {name:6} {statistics.median(values):8.3f} s an epoch (median of {len(values)})")
    print(f"  plain / ours: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    typer.run(main)
