"""What the processes of an instance count, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from onemap.block import Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def rendered(metrics: Iterable[Metric]) -> str:
    """Return metrics as text, those of one name together."""
    families: dict[str, list[Metric]] = {}
    for metric in metrics:
        families.setdefault(metric.name, []).append(metric)
    lines: list[str] = []
    for name, family in families.items():
        lines += [f"# HELP {name} {family[0].help}", f"# TYPE {name} {family[0].kind}"]
        lines += [f"{name}{_labels(metric)} {metric.value:.17g}" for metric in family]
    return "".join(line + "\n" for line in lines)


def together(processes: Iterable[Iterable[Metric]]) -> list[Metric]:
    """Return the metrics of several processes as those of the instance."""
    sums: dict[tuple[object, ...], Metric] = {}
    for metrics in processes:
        for metric in metrics:
            key = (metric.name, metric.labels)
            known = sums.get(key)
            if known is not None:
                both = (known.value, metric.value)
                metric = _with(metric, max(both) if metric.common else sum(both))  # noqa: PLW2901
            sums[key] = metric
    return list(sums.values())


def packed(metrics: Iterable[Metric]) -> bytes:
    """Return metrics as bytes for another process."""
    return orjson.dumps([[m.name, m.help, m.value, m.kind, m.labels, m.common] for m in metrics])


def unpacked(content: bytes) -> list[Metric]:
    """Return what ``packed`` wrote."""
    return [
        Metric(name, text, value, kind, tuple((pair[0], pair[1]) for pair in labels), common)
        for name, text, value, kind, labels, common in orjson.loads(content)
    ]


def _with(metric: Metric, value: float) -> Metric:
    return Metric(metric.name, metric.help, value, metric.kind, metric.labels, metric.common)


def _labels(metric: Metric) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in metric.labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
