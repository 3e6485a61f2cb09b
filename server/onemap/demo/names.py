"""Invented names of places and people; none is meant to be a real one."""

import numpy as np

PROVINCE = "示范省"

_COUNTIES = ["沐岚", "栎川", "霁原", "砚溪", "棠陵", "芷岸", "澜坪", "榆汀", "霜桥", "筠浦", "禾畹", "岫宁"]
_FIRST = "云青石松竹柳梅桂枫樟荷清泉龙凤白金银玉红丰禾谷麦桑茶杏桃李柏榆槐双三五九长平高大东西南北前后上下"
_SECOND = "溪河湾塘坪岭冲畈垸湖港桥店铺湾坝墩洲台岗坡林园田井泉沟塆屋寨庙滩渡"
_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任"
_GIVEN = "示范样例虚构拟仿建安平和顺成永福德仁义礼智信明亮光华春秋"


def county_names(count: int) -> list[str]:
    """Return the stems of county names."""
    return _COUNTIES[:count]


def place_names(count: int, rng: np.random.Generator) -> list[str]:
    """Return stems of names of towns and villages, each different while the characters last."""
    pairs = [first + second for first in dict.fromkeys(_FIRST) for second in dict.fromkeys(_SECOND)]
    order = rng.permutation(len(pairs))
    long = [_FIRST[i % len(_FIRST)] + pairs[i % len(pairs)] for i in range(count)]
    return [pairs[order[i]] if i < len(pairs) else long[i] for i in range(count)]


def person_names(count: int, rng: np.random.Generator) -> list[str]:
    """Return names of three characters, the middle one out of words for sample and model."""
    family = rng.integers(0, len(_FAMILY), count)
    middle, last = rng.integers(0, 8, count), rng.integers(8, len(_GIVEN), count)
    return [_FAMILY[f] + _GIVEN[m] + _GIVEN[g] for f, m, g in zip(family, middle, last, strict=True)]


def identity_numbers(area: list[str], rng: np.random.Generator) -> list[str]:
    """Return numbers of 18 characters in the form of GB 11643, in areas that no real number begins with."""
    years, days = rng.integers(1950, 1996, len(area)), rng.integers(1, 29, len(area))
    months, serial = rng.integers(1, 13, len(area)), rng.integers(1, 1000, len(area))
    bodies = [
        f"{code}{year}{month:02}{day:02}{number:03}"
        for code, year, month, day, number in zip(area, years, months, days, serial, strict=True)
    ]
    return [body + _check_character(body) for body in bodies]


def _check_character(body: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]
