"""Metrics of several processes as one text for Prometheus."""

from __future__ import annotations

from onemap.block import Metric
from onemap.tiles.cache.counters import Counters
from onemap.web.metrics import packed, rendered, together, unpacked


def test_counters_are_added_up_and_common_numbers_are_not() -> None:
    one = [
        Metric("made", "Tiles made.", 3, labels=(("by", "us"),)),
        Metric("size", "Bytes.", 7, "gauge", common=True),
    ]
    two = [Metric("made", "Tiles made.", 4, labels=(("by", "us"),)), Metric("made", "Tiles made.", 1)]
    two.append(Metric("size", "Bytes.", 6, "gauge", common=True))
    assert rendered(together([unpacked(packed(one)), two])) == (
        "# HELP made Tiles made.\n# TYPE made counter\n"
        'made{by="us"} 7\nmade 1\n'
        "# HELP size Bytes.\n# TYPE size gauge\nsize 7\n"
    )


def test_labels_are_escaped() -> None:
    assert rendered([Metric("a", "b", 1.5, labels=(("c", 'x"\\\n'),))]).endswith('a{c="x\\"\\\\\\n"} 1.5\n')


def test_every_counter_is_told_and_documented() -> None:
    counters = Counters(*range(1, 11))
    told = counters.metrics()
    assert sorted(item.value for item in told) == list(range(1, 11))
    assert all(item.help and item.name.endswith("_total") for item in told)
    assert len({(item.name, item.labels) for item in told}) == 10
