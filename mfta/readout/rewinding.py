"""What the page of section 2 says in numbers and in words."""

import numpy as np
import pandas as pd

from mfta.readout import with_spread

ENOUGH = 0.95
"""Share of the gap in test accuracy between the last and the best epoch that counts as won back."""
MOST = 0.5


def values(table: pd.DataFrame) -> dict[str, float | str]:
    """The section's numbers: means over seeds, ``*_spread`` their standard deviation (NaN at one seed).

    ``final_needed``, ``first_needed``: layers to rewind to the best epoch, from the end or from the start,
    to win back ``ENOUGH``; with ``_reestimated`` the same after batch norm was re-estimated (NaN where the
    network has none). ``largest_*`` and ``forgetting_*``: the single layer that wins back most of the gap,
    and the one that costs most permuted accuracy.
    """
    single = single_layers(table)
    # Without a gap no layer has a share; the first is named then, and its share is NaN.
    largest, forgetting = (str(single[column].fillna(-np.inf).idxmax()) for column in ("share_mean", "lost_mean"))
    half = layer_count(table) // 2
    nothing = accuracy(table, main_variant(table), "last", 0)
    rewound = accuracy(table, main_variant(table), "last", layer_count(table))
    by_name = {
        "test_accuracy_last": nothing["test"],
        "test_accuracy_best": rewound["test"],
        "permuted_accuracy_last": nothing["permuted"],
        "permuted_accuracy_best": rewound["permuted"],
        **{f"{side}_needed": needed(table, side, main_variant(table)) for side in ("final", "first")},
        **{f"{side}_needed_reestimated": needed(table, side, "re-estimated") for side in ("final", "first")},
        "final_half_share": share(table, "last", half),
        "first_half_share": share(table, "first", half),
    }
    answer: dict[str, float | str] = {}
    for name, by_seed in by_name.items():
        answer[name] = float(by_seed.mean())
        answer[f"{name}_spread"] = float(by_seed.std())
    for role, layer in (("largest", largest), ("forgetting", forgetting)):
        answer[f"{role}_layer"] = layer
        for name in ("share", "lost"):
            answer[f"{role}_{name}"] = float(single[f"{name}_mean"][layer])
            answer[f"{role}_{name}_spread"] = float(single[f"{name}_std"][layer])
    return answer | {
        "layers": layer_count(table),
        "enough": f"{ENOUGH:.0%}",
        "half": half,
        "ends_sentence": ends_sentence(table, main_variant(table)),
        "ends_sentence_reestimated": ends_sentence(table, "re-estimated"),
        "single_sentence": single_sentence(table),
        "forgetting_sentence": forgetting_sentence(table),
    }


def outcome(table: pd.DataFrame) -> str:
    """The section's numbers in a few sentences."""
    found = values(table)

    def text(name: str, digits: int = 2) -> str:
        return with_spread(float(found[name]), float(found[f"{name}_spread"]), digits)

    return (
        f"Test accuracy is {text('test_accuracy_best', 3)} at the best epoch and {text('test_accuracy_last', 3)} at"
        f" the last. Of {found['layers']} layers, {text('final_needed')} final ones or {text('first_needed')} first"
        f" ones must be set back to win back {found['enough']} of the gap. {found['ends_sentence']} The last"
        f" {found['half']} layers alone win back a share of {text('final_half_share')}, the first {found['half']} one"
        f" of {text('first_half_share')}. The single layer that wins back most is {found['largest_layer']}, with"
        f" {text('largest_share')}."
    )


def main_variant(table: pd.DataFrame) -> str:
    """Batch norm as carried with its layer, or absent."""
    return "carried" if "carried" in set(table["batch_norm"]) else "absent"


def layer_count(table: pd.DataFrame) -> int:
    """Layers with parameters."""
    return int(table["rewound_layers"].max())


def accuracy(table: pd.DataFrame, batch_norm: str, rewound_from: str, layers: int) -> pd.DataFrame:
    """Accuracy by seed (rows) and example set (columns) with so many layers at the best epoch."""
    rows = answers(table, batch_norm)
    rows = rows[(rows["rewound_layers"] == layers) & ((rows["rewound_from"] == rewound_from) | (layers == 0))]
    return rows.pivot_table(index="seed", columns="examples", values="accuracy")


def answers(table: pd.DataFrame, batch_norm: str) -> pd.DataFrame:
    """Rows of whole networks rewound to the best epoch or not at all, with their ``share`` of the gap.

    share: of the gap in test accuracy between the last and the best epoch, 0 where nothing and 1 where all
    is rewound; NaN where the best epoch is no better than the last.
    """
    whole = table[table["layer"].isna() & (table["batch_norm"] == batch_norm)]
    rows = whole[(whole["rewound"] == "none") | (whole["stage"] == "best")]
    test = rows[rows["examples"] == "test"]
    by = test.pivot_table(index="seed", columns="rewound", values="accuracy")
    gap = (by["all"] - by["none"]).where(by["all"] > by["none"])
    at = rows["seed"].map
    share = (rows["accuracy"] - at(by["none"])) / at(gap)
    return rows.assign(share=share.where(rows["examples"] == "test"))


def share(table: pd.DataFrame, rewound_from: str, layers: int) -> pd.Series:
    """By seed, the share of the gap won back with so many layers at the best epoch."""
    rows = answers(table, main_variant(table))
    at = (rows["rewound_from"] == rewound_from) & (rows["rewound_layers"] == layers) & (rows["examples"] == "test")
    return rows[at].set_index("seed")["share"]


def needed(table: pd.DataFrame, side: str, batch_norm: str) -> pd.Series:
    """By seed, the fewest layers of a side (final, first) whose rewinding wins back ``ENOUGH`` of the gap.

    The number of all layers where nothing less does; NaN where there is no gap to win back.
    """
    if batch_norm not in set(table["batch_norm"]):
        return pd.Series(np.nan, index=table["seed"].unique(), dtype=float)
    rows = answers(table, batch_norm)
    rows = rows[(rows["rewound_from"] == {"final": "last", "first": "first"}[side]) & (rows["examples"] == "test")]
    fewest = rows[rows["share"] >= ENOUGH].groupby("seed")["rewound_layers"].min()
    return fewest.reindex(table["seed"].unique()).astype(float)


def single_layers(table: pd.DataFrame) -> pd.DataFrame:
    """By layer, rewound alone: ``share`` of the gap won back and permuted accuracy ``lost``, mean and spread."""
    rows = answers(table, main_variant(table))
    nothing = accuracy(table, main_variant(table), "last", 0)["permuted"]
    alone = rows[rows["rewound_from"] == "single"]
    test, permuted = (alone[alone["examples"] == name] for name in ("test", "permuted"))
    lost = permuted.assign(lost=permuted["seed"].map(nothing) - permuted["accuracy"])
    by = {"share": test.groupby("rewound", sort=False)["share"], "lost": lost.groupby("rewound", sort=False)["lost"]}
    return pd.DataFrame({f"{name}_{of}": group.agg(of) for name, group in by.items() for of in ("mean", "std")})


def ends_sentence(table: pd.DataFrame, batch_norm: str) -> str:
    """Which end of the network must be rewound less far, seed by seed, and what that means for the claim."""
    final, first = (needed(table, side, batch_norm).dropna() for side in ("final", "first"))
    seeds, fewer_final, fewer_first = len(final), int((final < first).sum()), int((first < final).sum())
    if seeds == 0:
        return "In no seed is the best epoch better than the last, so there is nothing to win back."
    if fewer_final > seeds / 2 and not fewer_first:
        verdict = "as the paper claims"
    elif fewer_first > seeds / 2 and not fewer_final:
        verdict = "against the paper's claim"
    else:
        verdict = "which does not settle the claim"
    return (
        f"Fewer final than first layers suffice in {fewer_final} of {seeds} seeds, fewer first than final ones in"
        f" {fewer_first}: {verdict}."
    )


def single_sentence(table: pd.DataFrame) -> str:
    """Whether one layer alone wins back most of the gap, judged by the spread over seeds."""
    single = single_layers(table)
    means, spreads = single["share_mean"].to_numpy(), single["share_std"].fillna(0).to_numpy()
    if np.isnan(means).all():
        return "There is no gap to win back."
    share, spread = means[np.nanargmax(means)], spreads[np.nanargmax(means)]
    if share - spread > MOST:
        return "One layer alone wins back most of the gap."
    if share + spread < MOST:
        return "No layer alone wins back most of the gap."
    return "Whether one layer alone wins back most of the gap is not settled by these seeds."


def forgetting_sentence(table: pd.DataFrame) -> str:
    """Where the layer sits whose rewinding costs most permuted accuracy."""
    single = single_layers(table)
    place = int(single["lost_mean"].to_numpy().argmax()) / (len(single) - 1)
    where = "final" if place > 2 / 3 else "first" if place < 1 / 3 else "middle"
    verdict = "as the paper's claim would have it" if where == "final" else "against what the paper's claim suggests"
    return f"That layer lies in the {where} third of the network, {verdict}."


def by_count(table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy with the first or last n layers at the best epoch: mean and standard deviation over seeds."""
    rows = table[table["layer"].isna() & (table["stage"] == "best") & table["rewound_from"].isin(["first", "last"])]
    rows = rows[rows["examples"].isin(["test", "permuted"])]
    by = rows.pivot_table(
        index=["rewound_from", "rewound_layers"],
        columns=["batch_norm", "examples"],
        values="accuracy",
        aggfunc=["mean", "std"],
    )
    by = by.rename({"std": "deviation"}, axis="columns", level=0).rename_axis(index=["rewound", "layers"])
    return by.rename_axis(columns=["over seeds", "batch norm", "examples"])
