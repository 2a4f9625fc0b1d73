"""Which entries of a network's state belong to which of its layers."""

from mfta.networks import Network


def layer_keys(network: Network) -> dict[str, list[str]]:
    """The keys of ``state_dict`` by layer, in order of depth; layers without parameters are left out.

    A layer's batch norm (scale, shift, running averages and their count) belongs to it. Raises ValueError
    for a key that lies under no layer: it could neither be rewound nor have a gradient of its own.
    """
    keys: dict[str, list[str]] = {layer: [] for layer in network.taps}
    for key in network.state_dict():
        owners = [name for name, layer in network.taps.items() if layer.has(key)]
        if len(owners) != 1:
            raise ValueError(f"the state's '{key}' lies under {len(owners)} layers, not one")
        keys[owners[0]].append(key)
    return {layer: names for layer, names in keys.items() if names}
