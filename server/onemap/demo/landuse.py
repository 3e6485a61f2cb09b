"""The land-use parcels: what each cell of the mesh is used for, and which cells make one parcel (图斑)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.demo.corridors import BANK, BUILT, FIELD, LINE, ORCHARD, STREET, WOOD, Sites
from onemap.demo.grid import Flags, Floats, Integers
from onemap.demo.mesh import Mesh, Winding, drawn, grow, trace, wind
from onemap.demo.network import Country
from onemap.demo.regions import connected, dense, gathered, grown, neighbours, strongest
from onemap.demo.uses import CODES, classify


@dataclass(frozen=True)
class Landuse:
    """The mesh with what lies on it.

    Per cell: ``parcel`` (0, 1, 2 ... by village), ``village``. Per parcel: ``code`` (index in CODES), ``owner``
    (village), ``slope`` in degrees, ``settlement`` (-1 outside built-up land), ``geometry`` (EPSG:4526).
    """

    mesh: Mesh
    winding: Winding
    parcel: Integers
    village: Integers
    code: Integers
    owner: Integers
    slope: Floats
    settlement: Integers
    geometry: NDArray[Any]

    def is_class(self, *prefixes: str) -> Flags:
        """Tell which parcels have a code that starts with one of the prefixes."""
        chosen = np.array([code.startswith(prefixes) for code in CODES])
        return np.asarray(chosen[self.code])

    def around(self, label: Integers) -> tuple[Integers, NDArray[Any]]:
        """Return the labels, 0 and above, given to parcels, and one geometry around the parcels of each."""
        return trace(self.mesh, self.winding, label[self.parcel])


def parcels(country: Country, sites: Sites, kept: Flags) -> Landuse:
    """Grow the mesh from the seed points and divide it into parcels, each in one village."""
    mesh = grow(sites.xy, kept)
    sites = sites[kept]
    seed = country.relief.seed
    one, other, length = neighbours(mesh)
    host = _hosts(sites, one, other, length)
    village = country.village.ravel()[country.grid.cell(*sites.xy.T)][host]
    village = gathered(one, other, length, village)
    slope = country.relief.slope(*sites.xy.T)
    code = classify(country, sites, slope)[host]
    bank = host != np.arange(len(host))
    group = np.where(bank, -1 - np.arange(len(host)), village * len(CODES) + code)
    seeds = _seeds(sites, country.plan.parcels, connected(one, other, group), bank, seed)
    parcel = dense(grown(one, other, group, seeds, seed)[host])
    parcel = _rid_of_slivers(parcel, mesh.areas(), village, (one, other, length))
    return _described(country, mesh, _in_order(mesh, parcel, village), village, code, slope, sites)


def _hosts(sites: Sites, one: Integers, other: Integers, length: Floats) -> Integers:
    """Return for each cell beside a line the cell it is part of; for any other cell itself."""
    host = np.arange(len(sites))
    free = sites.kind == BANK
    settled = ~free & (sites.kind != LINE)
    for _ in range(6):
        best = strongest(one, other, length, free, settled)
        found = np.flatnonzero(best >= 0)
        host[found] = host[best[found]]
        settled[found], free[found] = True, False
    return host


def _seeds(sites: Sites, wanted: int, part: Integers, bank: Flags, seed: int) -> Flags:
    """Choose the cells that start a parcel, so that there are as many parcels as wanted.

    ``part``: the connected part of its group that each cell lies in. Every field and orchard is a parcel, every other
    part has at least one; woods and built-up land are divided further by chance.
    """
    rng = np.random.default_rng((seed, 42))
    seeds = np.isin(sites.kind, (FIELD, ORCHARD)) & ~bank
    rest = np.flatnonzero(~seeds & ~bank)
    heads = rest[np.unique(part[rest], return_index=True)[1]]
    seeds[heads] = True
    divisible = np.flatnonzero(np.isin(sites.kind, (WOOD, BUILT)) & ~seeds & ~bank)
    more = int(np.clip(wanted - np.count_nonzero(seeds), 0, len(divisible)))
    seeds[rng.choice(divisible, more, replace=False)] = True
    return np.asarray(seeds)


def _rid_of_slivers(
    parcel: Integers, areas: Floats, village: Integers, edges: tuple[Integers, Integers, Floats]
) -> Integers:
    """Join parcels of less than 80 square metres to the parcel of their village that they touch longest."""
    one, other, length = edges
    inside = village[one] == village[other]
    for _ in range(3):
        small = np.bincount(parcel, weights=areas) < 80
        target = strongest(parcel[one[inside]], parcel[other[inside]], length[inside], small, ~small)
        parcel = dense(np.where(target >= 0, target, np.arange(len(small)))[parcel])
    return parcel


def _in_order(mesh: Mesh, parcel: Integers, village: Integers) -> Integers:
    """Renumber parcels by village and, in a village, along a curve that keeps neighbours together."""
    count = np.maximum(np.bincount(parcel), 1)
    centres = mesh.centroids()
    x, y = (np.bincount(parcel, weights=centres[:, i] - centres[:, i].min()) / count for i in (0, 1))
    owner = np.zeros(len(count), dtype=np.int64)
    owner[parcel] = village
    rank = np.empty(len(count), dtype=np.int64)
    rank[np.lexsort([_morton(x / 50, y / 50), owner])] = np.arange(len(count))
    return rank[parcel]


def _morton(x: Floats, y: Floats) -> Integers:
    code = np.zeros(len(x), dtype=np.int64)
    u, v = x.astype(np.int64), y.astype(np.int64)
    for bit in range(16):
        code |= ((u >> bit) & 1) << (2 * bit) | ((v >> bit) & 1) << (2 * bit + 1)
    return code


def _described(
    country: Country, mesh: Mesh, parcel: Integers, village: Integers, code: Integers, slope: Floats, sites: Sites
) -> Landuse:
    count = int(parcel.max()) + 1
    # The largest cell speaks for its parcel: a sliver that joined it does not change what it is.
    areas = mesh.areas()
    speaker = np.empty(count, dtype=np.int64)
    order = np.argsort(areas, kind="stable")
    speaker[parcel[order]] = order
    mean = np.bincount(parcel, weights=slope * areas) / np.bincount(parcel, weights=areas)
    settlement = np.where(np.isin(sites.kind, (BUILT, STREET)), sites.owner, -1)
    winding, geometry = _drawn(mesh, parcel, code[speaker], country.relief.seed)
    return Landuse(mesh, winding, parcel, village, code[speaker], village[speaker], mean, settlement[speaker], geometry)


def _drawn(mesh: Mesh, parcel: Integers, code: Integers, seed: int) -> tuple[Winding, NDArray[Any]]:
    """Wind the borders as nature and ploughs do; edges whose parcels would cross themselves stay straight."""
    own = parcel[mesh.cell]
    other = np.where(mesh.twin >= 0, own[mesh.twin], -1)
    rough = np.array([_roughness(name) for name in CODES])[code]
    pair = np.minimum(rough[own], np.where(other >= 0, rough[other], 0.1)) + 0.25 * np.abs(
        rough[own] - np.where(other >= 0, rough[other], rough[own])
    )
    smooth = (rough[own] == 0) | ((other >= 0) & (rough[other] == 0)) | (own == other)
    return drawn(mesh, wind(mesh, np.where(smooth, 0.0, pair), seed), parcel)


def _roughness(code: str) -> float:
    if code[:2] in ("03", "04") or code in ("1207", "1106"):
        return 0.17
    if code in ("1103", "0602"):
        return 0.1
    return {"01": 0.01, "02": 0.04}.get(code[:2], 0.0)
