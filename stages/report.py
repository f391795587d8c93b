"""report: one HTML page with every table, and the figures of this corpus and scale."""

import base64
import html
from pathlib import Path

from speech_factorization import parameters
from speech_factorization.errors import InputError
from speech_factorization.files import new_folder
from speech_factorization.reporting.factorization import in_order
from speech_factorization.reporting.tables.base import read_results
from stages import METRICS, PARAMS, PLOTS, TABLES, run

# Figures of one name that are shown of all models together, and not with each model's own.
TOGETHER = ("tsne",)

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
"""


def _table(markdown: str) -> str:
    caption, _, rows = markdown.strip().partition("\n\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in rows.splitlines()]
    head, body = cells[0], cells[2:]
    lines = ["<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body]
    return f"<p>{html.escape(caption)}</p><table>{''.join(lines)}</table>"


def _figure(path: Path, title: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<h3>{html.escape(title)}</h3><img alt="{html.escape(title)}" src="data:image/png;base64,{data}">'


def _together(name: str, folders: list[Path]) -> list[str]:
    """One section with plots/MODEL/NAME.png of every model that has one."""
    found = [folder / f"{name}.png" for folder in folders if (folder / f"{name}.png").is_file()]
    figures = [_figure(path, path.parent.name) for path in found]
    return [f"<h2>{html.escape(name)} of every model</h2>", *figures] if found else []


def main() -> None:
    """Write report/index.html; everything is inside the one file."""
    settings = parameters.load(PARAMS)
    title = f"Speech factorization: corpus {settings.corpus.name}, scale {settings.scale}"
    tables = sorted(TABLES.glob("*.md"))
    if not tables:
        raise InputError("no tables here", TABLES, "run the stage `tables` first")
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for path in tables:
        parts += [f"<h2>{html.escape(path.stem)}</h2>", _table(path.read_text(encoding="utf-8"))]
    results = read_results(METRICS, settings.corpus.name, settings.scale)
    folders = [PLOTS / name for name in in_order(dict.fromkeys(sorted(results.metrics)))]
    for name in TOGETHER:
        parts += _together(name, folders)
    for folder in sorted(folders):
        figures = sorted(path for path in folder.glob("*.png") if path.stem not in TOGETHER)
        if figures:
            parts += [f"<h2>{html.escape(folder.name)}</h2>", *(_figure(path, path.stem) for path in figures)]
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
    with new_folder(Path("report")) as folder:
        text = f"{page}<style>{STYLE}</style>{''.join(parts)}</html>\n"
        (folder / "index.html").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main, "report")
