"""What a figure gives: rows with the value, the reference of the same run, the bar, and whether it is held."""
import statistics


class Row:
    """`reference`, `floor`: of the same unit as the value; `ratio` is value ÷ reference. The bar holds the ratio
    (`ratio_max`, `ratio_min`) or the value (`value_max`, `value_min`); a row without one is for information."""

    def __init__(self, figure, subject, value, unit, reference=None, floor=None, aim=None, note="", **bars):
        self.figure, self.subject, self.value, self.unit = figure, subject, value, unit
        self.reference, self.floor, self.aim, self.note, self.bars = reference, floor, aim, note, bars

    @property
    def ratio(self):
        return self.value / self.reference if self.reference else None

    @property
    def holds(self):
        """True, False, or None where there is nothing to hold."""
        if not self.bars:
            return None
        kept = {
            "ratio_max": lambda bar: self.ratio <= bar, "ratio_min": lambda bar: self.ratio >= bar,
            "value_max": lambda bar: self.value <= bar, "value_min": lambda bar: self.value >= bar}
        return all(kept[name](bar) for name, bar in self.bars.items())

    @property
    def bar(self):
        signs = {"ratio_max": "≤ {}×", "ratio_min": "≥ {}×", "value_max": "≤ {}", "value_min": "≥ {}"}
        return ", ".join(signs[name].format(f"{bar:g}") for name, bar in self.bars.items())

    def record(self):
        return {
            "figure": self.figure, "subject": self.subject, "value": self.value, "unit": self.unit,
            "reference": self.reference, "floor": self.floor, "ratio": self.ratio, "bar": self.bars, "aim": self.aim,
            "holds": self.holds, "note": self.note}


def shown(number):
    if number is None:
        return ""
    if abs(number) >= 1_000:
        return f"{number:,.0f}"
    return f"{number:.3g}" if abs(number) < 10 else f"{number:.1f}"


HEADS = ("figure", "subject", "value", "unit", "reference", "ratio", "floor", "bar", "")


def table(rows):
    """The rows as lines of a Markdown table."""
    marks = {True: "held", False: "MISSED", None: ""}
    cells = [HEADS] + [
        (row.figure, row.subject, shown(row.value), row.unit, shown(row.reference),
         f"{row.ratio:.2f}×" if row.ratio is not None else "",
         f"{row.floor[0]:g}–{row.floor[1]:g}" if isinstance(row.floor, tuple) else shown(row.floor), row.bar,
         " ".join(filter(None, (marks[row.holds], row.note))))
        for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines = ["| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines


def median(values):
    return statistics.median(values)
