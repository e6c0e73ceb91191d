"""Text tables with aligned columns."""

from collections.abc import Sequence


def text_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], indent: str = "  ", left: tuple[int, ...] = (0,)
) -> str:
    """Rows under a header and a rule; the columns in `left` start at the left, the others end at the right."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(header))]

    def line(row: Sequence[str]) -> str:
        aligned = [
            cell.ljust(width) if at in left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return (indent + "  ".join(aligned)).rstrip()

    rule = indent + "  ".join("-" * width for width in widths)
    return "\n".join([line(cells[0]), rule, *(line(row) for row in cells[1:])])
