import pandas as pd
import pytest
from typer.testing import CliRunner

from mfta import store, training
from mfta.cli import app
from mfta.errors import ParameterError
from mfta.options import parse_grid
from mfta.sweep import Sweep

TINY = {"epochs": 1, "checkpoints": [], "measured_epochs": [], "train_per_class": 40, "points": 8, "draws": 20}
GRID = {"permuted_fraction": [0.4, 0.5], "batch_norm": [True, False], "seeds": [0, 1]}


def test_a_grid_is_read_as_text():
    texts = [
        "permuted_fraction=0.1,0.2",
        "network=vgg16,convnet",
        "seeds=0..2",
        "learning_rate=1e-3",
        "width=[4, null]",
    ]
    assert parse_grid(texts) == {
        "permuted_fraction": [0.1, 0.2],
        "network": ["vgg16", "convnet"],
        "seeds": [0, 1, 2],
        "learning_rate": [1e-3],
        "width": [4, None],
    }


def test_a_sweep_has_a_job_at_every_point_and_counts_them(monkeypatch):
    sweep = Sweep.of("layer_memorization", "quick", GRID, TINY)
    assert len(sweep.jobs) == 8
    assert sweep.axes == ["permuted_fraction", "batch_norm", "seed"]
    assert sweep.count() == "8 jobs, of which 8 are to be made, after 8 trainings: unknown"
    monkeypatch.setattr(training, "run", None)  # counting trains nothing
    answer = CliRunner().invoke(app, ["sweep", "rewinding", "--grid", "epochs=1,2", "seeds=0..3", "--dry-run"])
    assert answer.exit_code == 0, answer.stderr
    assert "8 jobs, of which 8 are to be made, after 8 trainings: unknown" in answer.stdout


def test_hours_come_from_certificates_of_the_like():
    first = Sweep.of("layer_memorization", "quick", {"seeds": [0]}, TINY)
    (job,) = first.jobs
    job.table()
    for path, hours in ((job.directory, 1), (job.shared.directory, 2)):
        certificate = store.read_certificate(path) | {"wall_seconds": 3600.0 * hours}
        store.write_json(path / "certificate.json", certificate)
    more = Sweep.of("layer_memorization", "quick", {"permuted_fraction": [0.4, 0.5], "seeds": [0, 1]}, TINY)
    assert more.count() == (
        "4 jobs, of which 3 are to be made, after 3 trainings: about 9.00 hours of one job after another"
    )
    fixed = {name: value for name, value in TINY.items() if name != "epochs"}
    other = Sweep.of("layer_memorization", "quick", {"epochs": [1, 2], "seeds": [3]}, fixed)
    assert other.count().endswith("about 3.00 hours of one job after another, and unknown for 2 of them")


def test_one_table_and_one_figure_which_an_interrupted_sweep_ends_at_too(tmp_path):
    grid = {"permuted_fraction": [0.4, 0.5], "seeds": [0, 1]}
    sweep = Sweep.of("layer_memorization", "quick", grid, TINY)
    sweep.jobs[0].table()  # as if it had been interrupted after one
    options = [option for name, value in TINY.items() for option in ("--set", f"{name}={value}")]
    command = ["sweep", "layer_memorization", "--grid", "permuted_fraction=0.4,0.5", "seeds=0,1", *options]
    answer = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out"), "--jobs", "2"])
    assert answer.exit_code == 0, answer.output
    assert "6 of 6 jobs" in answer.output or "5 of 6 jobs" in answer.output  # the first seed's two are stored
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert table[["permuted_fraction", "seed"]].drop_duplicates().to_numpy().tolist() == [
        [0.4, 0],
        [0.4, 1],
        [0.5, 0],
        [0.5, 1],
    ]
    for (point, jobs), fraction in zip(sweep.points, (0.4, 0.5), strict=True):
        assert point == {"permuted_fraction": fraction}
        assert len(table[table["permuted_fraction"] == fraction]) == sum(len(job.table()) for job in jobs)
    figure = (tmp_path / "out" / "figure.svg").read_text()
    assert figure.startswith("<?xml")
    assert "permuted_fraction" in figure
    with pytest.raises(ParameterError, match="no measure 'accurate'"):
        sweep.write(tmp_path, "accurate", {})
    with pytest.raises(ParameterError, match=r"no rows with capacity have .'stage': 'end'."):
        sweep.write(tmp_path, "capacity", {"stage": "end"})
