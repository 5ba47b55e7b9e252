from xml.etree import ElementTree

from loadtests.store.hits import SHARES, HitRatio
from loadtests.store.plot import svg

RATIOS = [
    HitRatio(trace, policy, share, 0.5 + share if policy == "A" else share)
    for trace in ("one", "two")
    for policy in ("A", "B")
    for share in SHARES
]
SPACE = "{http://www.w3.org/2000/svg}"


def test_the_picture_has_a_panel_for_each_trace_and_a_line_for_each_policy() -> None:
    root = ElementTree.fromstring(svg(RATIOS))
    texts = [element.text for element in root.iter(f"{SPACE}text")]
    assert {"one", "two", "A, hits in %", "B, hits in %"} <= set(texts)
    assert len(list(root.iter(f"{SPACE}polyline"))) == 4
    assert len(list(root.iter(f"{SPACE}circle"))) == 4 * len(SHARES)


def test_a_higher_ratio_stands_higher_and_a_larger_cache_further_right() -> None:
    root = ElementTree.fromstring(svg(RATIOS))
    above, below = [
        [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
        for line in list(root.iter(f"{SPACE}polyline"))[:2]
    ]
    assert all(high[1] < low[1] for high, low in zip(above, below, strict=True))
    assert [place[0] for place in above] == sorted(place[0] for place in above)
