"""Charts: an Altair specification of a grid, drawn as SVG at build time; no script, font or file from outside.

Colours are those of the light theme, one hexadecimal value a role; `theme.css` maps each of them for the dark theme, so
an SVG placed in the page follows it. The drawing is hidden from assistive technology but for its title and description:
the table under each chart has the numbers.
"""

from __future__ import annotations

import math
import re
from html import escape
from typing import Any

import altair as alt
import vl_convert

from warehouse.dashboard.figures import Grid
from warehouse.dashboard.words import Words

INK = "#1b2733"
SOFT = "#52606d"
GRID = "#dde3e9"
SERIES = ("#1f5fa8", "#c2570c", "#2c7a4b", "#7d3c98", "#0f7c8a", "#a61e4d", "#6b7480")
TONES = {"other": 6, "refused": 5, "held": 1, "deleted": 6}
"""Series that have a colour of their own wherever they stand; the others take theirs by rank."""
PARTIAL = 0.45
"""Opacity of the month in progress."""

SPACE: dict[str, tuple[int, int, int]] = {"wide": (720, 270, 8), "half": (500, 250, 5), "narrow": (340, 220, 4)}
"""Width, height and most month labels of each drawing; the page shows the one that fits."""
LETTER = 7.8
"""Width of a letter of the widest usual font at 12 px: the reader's font is not the one measured here."""
PANEL = (240, 70)
CONFIG: dict[str, Any] = {
    "background": "transparent",
    "aria": False,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT,
        "labelFontSize": 12,
        "labelPadding": 6,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "ticks": False,
        "title": None,
    },
}


def draw(grid: Grid, words: Words, size: str, title: str, summary: str) -> str:
    """The SVG of a grid at one size, with its title and description."""
    width, height, labels = SPACE[size]
    chart = _ranks(grid, words, width) if grid.plan.shape == "ranks" else _months(grid, words, width, height, labels)
    return place(render(chart, words), f"{grid.plan.name}-{size}", size, title, summary)


def draw_panel(grid: Grid, series: str, colour: int) -> str:
    """The SVG of one small multiple: bars without text, for the page gives the words around it."""
    width, height = PANEL
    x = alt.X("month:O", axis=None, scale=alt.Scale(domain=list(grid.rows), paddingInner=0.25))
    y = alt.Y("value:Q", axis=None, scale=alt.Scale(domainMin=0))
    chart = _base(_values(grid, series)).mark_bar(color=SERIES[colour]).encode(x=x, y=y, opacity=_opacity())
    chart = chart.properties(width=width, height=height, padding=0)
    return decorative(render(chart, Words("en")))


def render(chart: Any, words: Words) -> str:
    """The raw SVG, in the numbers and dates of a language."""
    text: str = vl_convert.vegalite_to_svg(
        chart.to_dict(),
        config=CONFIG,
        format_locale=words.number_locale(),
        time_format_locale=words.time_locale(),
        allowed_base_urls=[],
    )
    return text


def place(svg: str, name: str, size: str, title: str, summary: str) -> str:
    """The SVG as an image of the page with a name: scalable, without inline style, which the page's policy forbids."""
    opening = (
        f'<svg class="chart {size}" viewBox="{_view_box(svg)}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(summary)}</desc>'
    )
    return opening + _body(svg)


def decorative(svg: str) -> str:
    """The SVG as an ornament: what it shows is said beside it."""
    return f'<svg class="panel" viewBox="{_view_box(svg)}" aria-hidden="true">' + _body(svg)


def colours(grid: Grid) -> list[int]:
    """The place in `SERIES` of each series' colour."""
    return [TONES.get(name, rank % len(SERIES)) for rank, name in enumerate(grid.series)]


def _view_box(svg: str) -> str:
    found = re.search(r'viewBox="([^"]+)"', svg)
    assert found is not None
    return found.group(1)


def _body(svg: str) -> str:
    body = svg[svg.index(">") + 1 :]
    return re.sub(r' (?:style|role|aria-[a-z]+|font-family|pointer-events|class)="[^"]*"', "", body)


def _values(grid: Grid, *names: str) -> list[dict[str, Any]]:
    return [
        {
            "month": month,
            "series": name,
            "value": value,
            "partial": month == grid.partial,
            "last": at == len(grid.of(name)) and value is not None,
        }
        for name in names or grid.series
        for at, (month, value) in enumerate(grid.of(name), 1)
    ]


def _base(values: list[dict[str, Any]]) -> Any:
    return alt.Chart(alt.Data(values=values))


def _opacity() -> Any:
    return alt.condition("datum.partial", alt.value(PARTIAL), alt.value(1))


def _months(grid: Grid, words: Words, width: int, height: int, labels: int) -> Any:
    """A chart along months: bars, stacked bars, lines or an area."""
    month = alt.X(
        "month:O",
        scale=alt.Scale(domain=list(grid.rows), paddingInner=0.25, paddingOuter=0.15),
        axis=alt.Axis(
            values=labelled(grid.rows, labels),
            labelAngle=0,
            labelExpr="utcFormat(utc(+substring(datum.value, 0, 4), +substring(datum.value, 5, 7) - 1, 1), '%b %Y')",
            labelOverlap=False,
            labelPadding=10,
            domain=True,
            grid=False,
        ),
    )
    percent = grid.plan.unit == "percent"
    ending = f" + '{words.percent(0)[1:]}'" if percent else ""
    least = 1 if max((value or 0 for value in grid.cells.values()), default=0) < 4 else None
    value = alt.Y(
        "value:Q",
        stack="zero" if grid.plan.shape == "stack" else None,
        scale=alt.Scale(domainMin=0, nice=4),
        axis=alt.Axis(
            tickCount=4,
            tickMinStep=alt.Undefined if percent else least or 1,
            labelExpr=f"format(datum.value, ',~f'){ending}",
            domain=False,
            grid=True,
        ),
    )
    colour = _colour(grid)
    base = _base(_values(grid)).encode(x=month, y=value, color=colour)
    match grid.plan.shape:
        case "bars" | "stack":
            chart = base.mark_bar().encode(opacity=_opacity(), order=alt.Order("rank:Q"))
            chart = chart.transform_calculate(rank=f"indexof({list(grid.series)}, datum.series)")
            if grid.plan.shape == "bars" and grid.hidden:
                chart = chart + _hidden(grid, words, month)
        case "area":
            area = base.mark_area(opacity=0.15, invalid="break-paths-show-domains")
            chart = area + base.mark_line(strokeWidth=2.5, invalid="break-paths-show-domains") + _last(base)
        case _:
            chart = base.mark_line(strokeWidth=2.5, invalid="break-paths-show-domains") + _last(base)
    return chart.properties(width=width, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding"))


def _colour(grid: Grid) -> Any:
    tones = [SERIES[place] for place in colours(grid)]
    return alt.Color("series:N", legend=None, scale=alt.Scale(domain=list(grid.series), range=tones))


def _hidden(grid: Grid, words: Words, month: Any) -> Any:
    """A letter in place of each bar that is not published: an empty place would say zero."""
    values = [one for one in _values(grid) if one["value"] is None]
    mark = _base(values).mark_text(text=words("hidden.mark"), baseline="bottom", dy=-4, color=SOFT, fontSize=12)
    return mark.encode(x=month, y=alt.datum(0))


def _last(base: Any) -> Any:
    """A point where each line ends."""
    return base.mark_point(filled=True, size=60, opacity=1).transform_filter("datum.last")


def _ranks(grid: Grid, words: Words, width: int) -> Any:
    """Horizontal bars, one a row, its series end to end."""
    values = [
        {"row": row, "series": name, "value": value}
        for name in grid.series
        for row, value in grid.of(name)
        if value is not None
    ]
    limit = width * 2 // 5
    label = alt.Y(
        "row:N",
        sort=list(grid.rows),
        scale=alt.Scale(paddingInner=0.35),
        axis=alt.Axis(
            domain=False,
            grid=False,
            labelColor=INK,
            labelLimit=limit,
            minExtent=min(limit, max(len(row) for row in grid.rows) * LETTER),
            labelExpr=_named(words),
        ),
    )
    number = alt.X(
        "value:Q",
        scale=alt.Scale(domainMin=0, nice=4),
        axis=alt.Axis(
            tickCount=4 if width > 500 else 3,
            tickMinStep=1,
            labelExpr="format(datum.value, ',~f')",
            domain=False,
            grid=True,
        ),
    )
    colour = _colour(grid)
    chart = _base(values).mark_bar().encode(y=label, x=number, color=colour, order=alt.Order("rank:Q"))
    chart = chart.transform_calculate(rank=f"indexof({list(grid.series)}, datum.series)")
    fit = alt.AutoSizeParams(type="fit", contains="padding")
    return chart.properties(width=width, height=max(90, 40 + 34 * len(grid.rows)), autosize=fit)


def _named(words: Words) -> str:
    """The expression that gives `other` its name; the other rows are names already."""
    return f"datum.value == 'other' ? '{words('other')}' : datum.value"


def labelled(months: tuple[str, ...], most: int) -> list[str]:
    """Months that have a label, evenly apart, the last one among them."""
    step = max(1, math.ceil(len(months) / most))
    return list(months[::-1][::step][::-1])
