"""Our scan of network sizes against the paper's Fig. 4C–E, where both have a value."""

import numpy as np
import pandas as pd

from mfta import analyze, paper
from mfta.readout.comparison import WITHIN
from mfta.readout.double_descent import final_layers, scan

BEYOND = 1.1
"""Factor by which a size may lie outside the paper's: its narrowest network is drawn at a rounded place."""
POINTS = 50
"""Points a manifold in the paper, very likely."""


def with_figure4(table: pd.DataFrame) -> pd.DataFrame:
    """One row a size, measure, stage and layer: ours (mean over seeds), ``spread`` (deviation), theirs, difference.

    table: double descent, of any widths; only seeds that have all of them count. Geometry is that of the test
    examples at every measured layer, since which one is the paper's is not known; accuracy has the layer ``""``.
    theirs: the paper's curve, linear in the log of parameters between its digitised points. Sizes the curve does not
    reach are left out. difference: ours/theirs − 1.
    """
    figure = paper.figure4()
    places = [("accuracy", "")]
    places += [(measure, layer) for layer in final_layers(table) for measure in ("radius", "dimension")]
    rows = []
    for measure, layer in places:
        for stage in ("best", "last"):
            curve = figure[(figure["measure"] == measure) & (figure["stage"] == stage)].sort_values("parameters")
            ours = scan(table, measure, stage, layer=layer or None)
            low, high = curve["parameters"].min() / BEYOND, curve["parameters"].max() * BEYOND
            ours = ours.loc[:, (ours.columns >= low) & (ours.columns <= high)]
            theirs = np.interp(np.log(ours.columns), np.log(curve["parameters"]), curve["value"])
            place = {"measure": measure, "stage": stage, "layer": layer}
            found = pd.DataFrame({"ours": ours.mean(), "spread": ours.std(), "theirs": theirs}).reset_index()
            rows.append(found.assign(**place)[[*place, *found.columns]])
    both = pd.concat(rows, ignore_index=True)
    return both.assign(difference=both["ours"] / both["theirs"] - 1)


def by_layer(compared: pd.DataFrame) -> pd.DataFrame:
    """By layer and measure: points, the share of them within ``WITHIN`` of the paper's curve, extremes of the ratio.

    ``lowest`` and ``highest`` are of ours/theirs; where they are alike the curves differ in level alone. Without
    accuracy, whose level follows from the number of training images.
    """
    rows = compared[compared["layer"] != ""]
    rows = rows.assign(met=rows["difference"].abs() <= WITHIN, ratio=rows["difference"] + 1)
    by = rows.groupby(["layer", "measure"], sort=False)
    return by.agg(points=("met", "size"), within=("met", "mean"), lowest=("ratio", "min"), highest=("ratio", "max"))


def from_best_to_last(compared: pd.DataFrame) -> pd.DataFrame:
    """By measure and layer: how often our last epoch differs from our best the way the paper's do at that size.

    Differences up to twice the error of reading a point do not count (that of an accuracy is not known, and all
    do). Columns: points, same_sign (fraction), ours and theirs (mean difference, last less best, over these points).
    """
    at = ["measure", "layer", "parameters"]
    wide = compared.pivot_table(index=at, columns="stage", values=["ours", "theirs"], sort=False).dropna()
    change = wide.xs("last", axis=1, level="stage") - wide.xs("best", axis=1, level="stage")
    change = change.reset_index()
    change = change[change["theirs"].abs() > 2 * change["measure"].map(paper.READING).fillna(0)]
    change["same"] = np.sign(change["ours"]) == np.sign(change["theirs"])
    by = change.groupby(["measure", "layer"], sort=False)
    return by.agg(
        points=("same", "size"), same_sign=("same", "mean"), ours=("ours", "mean"), theirs=("theirs", "mean")
    )


def sentence(compared: pd.DataFrame | None) -> str:
    """The range of ours/theirs at each layer, that of the most alike shape first; empty where nothing is compared."""
    if compared is None or compared.empty:
        return ""
    table = by_layer(compared)
    change = (table["highest"] / table["lowest"]).groupby("layer", sort=False).max().sort_values(kind="stable")
    said = []
    for layer in change.index:
        ends = {m: "{lowest:.2f} to {highest:.2f}".format(**table.loc[(layer, m)]) for m in ("radius", "dimension")}
        said.append(f"at {layer} from {ends['radius']} for the radius and {ends['dimension']} for the dimension")
    return f"Over sizes and both epochs ours over the paper's goes {'; '.join(said)}."


def pooled_sentence(compared: pd.DataFrame | None, table: pd.DataFrame | None) -> str:
    """Whether the paper's final layer can be the mean over places of a ResNet, by its narrowest network compared.

    That mean has eight features a channel of the first stage. Clouds without any structure in as many (100 of
    ``POINTS`` points each) say about how large a dimension can be there. Empty where nothing is compared.
    """
    if compared is None or table is None or compared.empty:
        return ""
    rows = compared[(compared["measure"] == "dimension") & (compared["stage"] == "last")]
    narrowest = rows.sort_values("parameters").iloc[0]
    features = 8 * int(table.loc[table["parameters"] == narrowest["parameters"], "width"].iloc[0])
    clouds = np.random.default_rng(0).standard_normal((100, features, POINTS))
    most = float(analyze(clouds).summary()["dimension"])
    if most < narrowest["theirs"]:
        so = "So its final layer most likely has more features, as has the last block before the mean"
    else:
        so = "So its final layer may be that mean"
    return (
        f"The narrowest network compared has {narrowest['parameters']:,.0f} parameters, and its mean over places"
        f" {features} features. Gaussian clouds of {POINTS} points in so many features, which know of no label,"
        f" have a dimension of {most:.1f}; the paper's curve stands at {narrowest['theirs']:.1f} there. {so}, if its"
        f" networks have the channels of ours."
    )
