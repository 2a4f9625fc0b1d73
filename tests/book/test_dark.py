"""Drawings for dark pages: everything stands out from the ground, and heat maps keep their order."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "_ext"))
from dark import CONTRAST, GROUND, INK, contrast, dark, lit


@pytest.mark.parametrize("color", ["#0072b2", "#d55e00", "#009e73", "#000080", "#7f7f7f", "#262626"])
def test_lines_stand_out_from_the_dark_ground(color):
    assert contrast(lit(color), GROUND) >= (CONTRAST if color != "#7f7f7f" else 3)


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_black_and_white_change_places():
    assert lit("#000000") == INK
    assert contrast(lit("#ffffff"), GROUND) < 1.2


def test_a_heat_map_keeps_its_colours_and_letters_become_light():
    heat = '<g id="QuadMesh_1"><path style="fill: #00224e"/></g>'
    answer = dark(f'<svg width="9"><path style="stroke: #000000"/>{heat}</svg>')
    assert heat in answer
    assert f'<svg fill="{INK}" width="9">' in answer
    assert re.findall(r"stroke: (#\w+)", answer) == [INK]
