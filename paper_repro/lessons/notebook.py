"""A lesson as an executed Jupyter notebook."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from paper_repro.lessons.prose import EXTRA
from paper_repro.lessons.script import Output


def notebook(outputs: Sequence[Output]) -> str:
    """The JSON of a notebook with these cells, what they printed, and their figures.

    Raises  ModuleNotFoundError without the extra `lessons`
    """
    try:
        from nbformat import v4, writes
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(EXTRA, name=missing.name) from missing

    cells = []
    count = 0
    for number, output in enumerate(outputs):
        if output.cell.kind == "markdown":
            cell = v4.new_markdown_cell(output.cell.source)
        else:
            count += 1
            cell = v4.new_code_cell(output.cell.source, execution_count=count)
            if output.text:
                cell.outputs.append(v4.new_output("stream", name="stdout", text=output.text))
            for figure, caption in zip(output.figures, output.captions, strict=True):
                data = {"image/png": b64encode(figure).decode(), "text/plain": caption}
                cell.outputs.append(v4.new_output("display_data", data=data))
        cell.id = f"cell-{number}"  # by default a random one
        cells.append(cell)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return writes(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})) + "\n"
