"""The HTML page of a report: one file that loads nothing."""

import functools
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

# Nothing but what the file holds is ever loaded or run.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
_METRICS = 6  # columns of the table


def page(content: Mapping[str, Any], fallback: str = "") -> str:
    """Returns the page.

    Args:
      content: As :func:`dropout_lab.report.content.content` returns it.
      fallback: SVG of a figure, for browsers that run no scripts.
    """
    title = _text(f"{content['title']}: sweep report")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>{_file('page.css')}</style>",
            "</head>",
            "<body>",
            f"<header><h1>{_text(content['title'])}</h1>"
            f'<span class="quiet">made {_text(content["made"])}</span>'
            '<button id="theme" type="button">Dark</button></header>',
            "<main>",
            *map(_sweep, range(len(content["sweeps"])), content["sweeps"]),
            *_charts(content, fallback),
            *_table(content),
            *_problems(content),
            *_environment(content),
            "</main>",
            f'<script type="application/json" id="data">{_json(content)}</script>',
            f"<script>{_bundle()}</script>",
            f"<script>{_file('page.js')}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _sweep(index: int, sweep: Mapping[str, Any]) -> str:
    live = "; this page reloads every 10 s" if sweep["live"] else ""
    best = f"<p>Best: {_text(sweep['best'])}</p>" if sweep["best"] else ""
    label = _text(f"progress of {sweep['workdir']}")
    return (
        f"<section><p><code>{_text(sweep['workdir'])}</code>: "
        f"{_text(sweep['progress'])}{live}</p>"
        f'<progress aria-label="{label}" max="1" value="{sweep["fraction"]:.4f}"></progress>'
        f"{best}"
        "<details><summary>Run it again</summary>"
        f"<p>Save this file as <code>again.py</code> "
        f'<button type="button" data-file="again-{index}">Download</button>, then:</p>'
        f"<pre tabindex='0'>{_text(sweep['command'])}</pre>"
        f"<pre tabindex='0' id='again-{index}'>{_text(sweep['file'])}</pre></details></section>"
    )


def _charts(content: Mapping[str, Any], fallback: str) -> Iterable[str]:
    keys = [key for key in content["keys"] if key != "seed"]
    numeric = [key for key in keys if key in content["numeric"]]
    metrics = {name: title for name, title, _ in content["metrics"]}
    if not metrics:
        yield "<p>No trial has finished.</p>"
        return
    # A rate along the axis and the variant as colour, where the sweep has both.
    x = next((key for key in ("dropout.rate", *numeric, *keys) if key in keys), "")
    colour = next((key for key in keys if key not in (x, "seed")), "")
    gaps = {name: title for name, title in metrics.items() if name.startswith("gap_")}
    yield '<section class="controls" aria-label="Axes of the charts">'
    yield _select("x", "x axis", {key: key for key in keys} or {"": "none"}, x)
    yield _select("colour", "colour", {"": "none"} | {key: key for key in keys}, colour)
    yield "</section>"
    yield '<div class="charts">'
    yield '<section class="panel"><h2>Value</h2>'
    yield _select("value", "value", metrics, next(iter(metrics)))
    yield '<div class="chart" id="values"></div>'
    yield f"<noscript>{fallback}</noscript></section>"
    if gaps:
        yield '<section class="panel"><h2>Generalisation gap</h2>'
        yield _select("gap", "gap", gaps, next(iter(gaps)))
        yield '<div class="chart" id="gaps"></div></section>'
    if content["curves"]:
        yield '<section class="panel wide"><h2>Learning curves</h2><div class="controls">'
        curves = dict(content["curves"])
        yield _select("curve-value", "value", curves, next(iter(curves)))
        yield '<label>logarithmic<input type="checkbox" id="curve-log" data-chart></label></div>'
        yield '<p class="quiet" id="curves-hint">Tick trials in the table to see their curves.</p>'
        yield '<div class="chart" id="curves" hidden></div></section>'
    yield "</div>"


def _table(content: Mapping[str, Any]) -> Iterable[str]:
    keys, metrics = content["keys"], content["metrics"][:_METRICS]
    yield '<h2 id="table-title">Trials</h2><div class="controls">'
    yield '<label>search<input id="search" type="search"></label>'
    for key in keys:
        values = list(dict.fromkeys(trial["settings"][key] for trial in content["trials"]))
        if 1 < len(values) <= 40:
            yield _filter(key, values)
    states = list(dict.fromkeys(trial["state"] for trial in content["trials"]))
    if len(states) > 1:
        yield _filter("state", states)
    yield '<span id="count" class="quiet" role="status"></span></div>'
    yield (
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="table-title">'
        '<table id="trials"><thead><tr><th scope="col">curve</th>'
    )
    for key in keys:
        yield _head(["setting", key], key, number=key in content["numeric"])
    for name, title, _ in metrics:
        yield _head(["value", name], title, number=True)
    yield _head(["state", "state"], "state", number=False)
    yield "</tr></thead><tbody>"
    for trial in content["trials"]:
        yield _row(trial, keys, metrics, content["numeric"])
    yield "</tbody></table></div>"


def _row(
    trial: Mapping[str, Any],
    keys: Sequence[str],
    metrics: Sequence[tuple[str, str, int]],
    numeric: Sequence[str],
) -> str:
    name = _text(", ".join(trial["settings"].values()) or trial["id"])
    box = (
        f'<input type="checkbox" value="{_text(trial["id"])}" aria-label="curve of {name}">'
        if trial["curves"]
        else ""
    )
    cells = [f"<td>{box}</td>"]
    for key in keys:
        kind = ' class="number"' if key in numeric else ""
        cells.append(f"<td{kind}>{_text(trial['settings'][key])}</td>")
    for metric, _, decimals in metrics:
        value = trial["values"].get(metric)
        cells.append(f'<td class="number">{"–" if value is None else f"{value:.{decimals}f}"}</td>')
    bad = ' class="bad"' if trial["state"] in ("failed", "diverged") else ""
    cells.append(f"<td{bad}>{_text(trial['state'])}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _problems(content: Mapping[str, Any]) -> Iterable[str]:
    found = [trial for trial in content["trials"] if trial["reason"]]
    yield "<h2>Failed and diverged trials</h2>"
    if not found:
        yield "<p>None.</p>"
        return
    yield "<dl>"
    for trial in found:
        name = ", ".join(f"{key} = {value}" for key, value in trial["settings"].items())
        yield f'<dt>{_text(name)}</dt><dd class="bad">{_text(trial["state"])}: '
        yield f"{_text(trial['reason'])}</dd>"
    yield "</dl>"


def _environment(content: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>Environment</h2><dl>"
    for name, text in content["environment"]:
        yield f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>"
    yield "</dl>"


def _select(name: str, label: str, options: Mapping[str, str], chosen: str) -> str:
    choices = "".join(
        f'<option value="{_text(value)}"{" selected" if value == chosen else ""}>'
        f"{_text(text)}</option>"
        for value, text in options.items()
    )
    return f'<label>{_text(label)} <select id="{name}" data-chart>{choices}</select></label>'


def _filter(key: str, values: Sequence[str]) -> str:
    choices = "".join(f'<option value="{_text(value)}">{_text(value)}</option>' for value in values)
    return (
        f'<label>{_text(key)}<select data-filter="{_text(key)}"><option value="">all</option>'
        f"{choices}</select></label>"
    )


def _head(column: Sequence[str], text: str, *, number: bool) -> str:
    kind = ' class="number"' if number else ""
    return (
        f'<th scope="col"{kind} data-column="{_text(json.dumps(column, separators=(",", ":")))}">'
        f'<button type="button">{_text(text)}</button></th>'
    )


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)


def _json(content: Mapping[str, Any]) -> str:
    """Returns JSON that no HTML parser takes for the end of its element."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


@functools.cache
def _file(name: str) -> str:
    return resources.files("dropout_lab.report").joinpath(name).read_text("utf-8")


@functools.cache
def _bundle() -> str:
    """Returns Plotly's code, which its Python package brings."""
    import plotly

    return resources.files(plotly).joinpath("package_data/plotly.min.js").read_text("utf-8")
