"""Plots as SVG: panels side by side over one kind of x, a line for each series with its name at its end. The picture
brings its own ground, light or dark as its reader has it, so that it is readable on any page.

What is drawn is a dictionary, as `bench/sweep` keeps it in JSON: `title` and `note`, lines above; `x`: {`label`,
`is_log`, `ticks`: [[value, name]]}; `panels`: [{`label`, `unit`, `is_log`}], of which those of one unit have one scale;
`series`: [{`name`, `points`: [{`x`, `values`}]}], where `values` are the rounds' of each panel, or null: it is void."""
import math
import textwrap
import xml.etree.ElementTree as ElementTree

from .rows import median, shown

EDGE, TOP, HEIGHT, WIDTH = 24, 104, 280, {1: 560, 2: 370}
#: Left of a panel its ticks' names, right of it those of its series.
LEFT, RIGHT = 40, 66
TITLE, TEXT, LINE = 17, 12, 17
#: Between the ends of the x axis and the outermost points.
INSET = 14
NAME_GAP = 15
#: Colours that people who see fewer of them tell apart; marks differ as well.
LIGHT = ("#0072b2", "#c2500a", "#00805d", "#9a4c86", "#6b6b00")
DARK = ("#56b4e9", "#f0a35e", "#3ecfa0", "#e09bc4", "#d8d85a")
PAPER = {"ground": ("#ffffff", "#0d1117"), "ink": ("#1f2328", "#e6edf3"), "faint": ("#59636e", "#9198a1"),
         "grid": ("#d8dee4", "#30363d")}


def style():
    """What differs on dark; the attributes say what holds on light, also to readers that know no style sheets."""
    rules = [f".{name}{{fill:{PAPER[name][1]}}}" for name in ("ground", "ink", "faint")]
    rules.append(f".grid{{stroke:{PAPER['grid'][1]}}}")
    for number, colour in enumerate(DARK):
        rules.append(f".line{number}{{stroke:{colour}}}.mark{number}{{fill:{colour}}}")
    return f"@media (prefers-color-scheme: dark){{{''.join(rules)}}}"


class Scale:
    """From values to places between two ends; linear from 0, or logarithmic."""

    def __init__(self, low, high, is_log, begin, end):
        self.low, self.high, self.is_log, self.begin, self.end = low, high, is_log, begin, end

    def place(self, value):
        share = (math.log(value / self.low) / math.log(self.high / self.low) if self.is_log and self.high > self.low
                 else (value - self.low) / (self.high - self.low or 1))
        return self.begin + share * (self.end - self.begin)


def steps(low, high):
    """1, 2 and 5 of every decade from the last one ≤ `low` to the first one ≥ `high`."""
    found = [digit * 10.0 ** power for power in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
             for digit in (1, 2, 5)]
    # 10 ** -1 and the like are not exact.
    first = max(step for step in found if step <= low * 1.000001)
    last = min(step for step in found if step >= high * 0.999999)
    return [step for step in found if first <= step <= last]


def value_ticks(values, is_log):
    """Round numbers, the first and last of which enclose all values; linear ones begin at 0."""
    if not values:
        return [0, 1]
    if is_log:
        ticks = steps(min(values), max(values))
        if len(ticks) > 8:
            # Decades alone.
            first, last = math.floor(math.log10(ticks[0])), math.ceil(math.log10(ticks[-1]))
            ticks = [10.0 ** power for power in range(first, last + 1)]
        return ticks if len(ticks) > 1 else [ticks[0], 2 * ticks[0]]
    highest = max(values) or 1
    step = next(step for step in steps(highest / 10, highest) if highest / step <= 6)
    return [step * number for number in range(math.ceil(highest / step - 1e-9) + 1)]


def tick_name(value):
    return f"{value:,.10g}"


def apart(places, gap, low, high):
    """The places, in the same order, moved so that each is a gap from the next."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = [max(low, min(high, places[index])) for index in order]
    for _ in range(100):
        is_crowded = False
        for index in range(1, len(moved)):
            lack = gap - (moved[index] - moved[index - 1])
            if lack > 0.01:
                is_crowded = True
                moved[index - 1] -= lack / 2
                moved[index] += lack / 2
        if not is_crowded:
            break
    found = [0.0] * len(places)
    for place, index in zip(moved, order):
        found[index] = place
    return found


class Picture:
    def __init__(self, width, height, about):
        self.root = ElementTree.Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "width": str(width),
            "height": str(height), "role": "img", "aria-label": about,
            "font-family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif", "font-size": str(TEXT)})
        self.add("style").text = style()
        self.add("rect", width=width, height=height, rx=6, **self.filled("ground"))

    def add(self, name, parent=None, **attributes):
        words = {key.replace("_", "-"): f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float)
                 else str(value) for key, value in attributes.items()}
        if "class-" in words:
            words["class"] = words.pop("class-")
        return ElementTree.SubElement(self.root if parent is None else parent, name, words)

    @staticmethod
    def filled(name):
        return {"class_": name, "fill": PAPER[name][0]}

    def text(self, x, y, words, colour=None, anchor="start", **attributes):
        self.add("text", x=x, y=y, text_anchor=anchor, **(colour or self.filled("ink")), **attributes).text = words

    def grid(self, x1, y1, x2, y2):
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="grid", stroke=PAPER["grid"][0], stroke_width=1)

    def mark(self, parent, number, x, y):
        """A circle, a square, a triangle, …: the series, for whoever does not see its colour."""
        shape = number % 3
        colour = {"class_": f"mark{number}", "fill": LIGHT[number]}
        if shape == 0:
            self.add("circle", parent, cx=x, cy=y, r=3.8, **colour)
        elif shape == 1:
            self.add("rect", parent, x=x - 3.5, y=y - 3.5, width=7, height=7, **colour)
        else:
            self.add("path", parent, d=f"M{x:.2f} {y - 4.8:.2f}l4.6 8h-9.2z", **colour)


class Panel:
    """One kind of value over x."""

    def __init__(self, picture, plot, number, left, width):
        self.picture, self.plot, self.number = picture, plot, number
        self.left, self.right, self.bottom = left, left + width, TOP + HEIGHT
        #: [(series' number, name, [(x, values), or None where a point is void])]
        self.lines = []
        for index, series in enumerate(plot["series"]):
            points = [point["values"] and (point["x"], point["values"][number]) for point in series["points"]]
            self.lines.append((index, series["name"], points))
        panel = plot["panels"][number]
        self.label = f"{panel['label']}, {panel['unit']}"
        alike = [index for index, other in enumerate(plot["panels"]) if other["unit"] == panel["unit"]]
        everything = [value for series in plot["series"] for point in series["points"] if point["values"]
                      for index in alike for value in point["values"][index]]
        self.ticks = value_ticks(everything, panel["is_log"])
        self.y = Scale(self.ticks[0], self.ticks[-1], panel["is_log"], self.bottom, TOP)
        x = plot["x"]
        values = [value for value, _ in x["ticks"]]
        self.x = Scale(
            min(values) if x["is_log"] else 0, max(values), x["is_log"], left + INSET, self.right - INSET)

    def draw(self):
        picture, x = self.picture, self.plot["x"]
        picture.text(self.left - LEFT, TOP - 18, self.label, font_weight=600)
        for tick in self.ticks:
            y = self.y.place(tick)
            picture.grid(self.left, y, self.right, y)
            picture.text(self.left - 7, y + 4, tick_name(tick), picture.filled("faint"), "end")
        for value, name in x["ticks"]:
            place = self.x.place(value)
            picture.grid(place, self.bottom, place, self.bottom + 5)
            picture.text(place, self.bottom + 19, name, picture.filled("faint"), "middle")
        picture.text((self.left + self.right) / 2, self.bottom + 40, x["label"], None, "middle")
        # What lies in front hides what is behind: marks last.
        for line in self.lines:
            self.draw_line(*line)
        for line in self.lines:
            self.draw_points(*line)
        self.draw_names()

    def draw_line(self, number, _, points):
        """The line through the medians, interrupted where a point is void, and what the rounds differ by."""
        picture, run = self.picture, []
        stroke = {"class_": f"line{number}", "stroke": LIGHT[number]}
        for point in [*points, None]:
            if point:
                run.append(f"{self.x.place(point[0]):.2f},{self.y.place(median(point[1])):.2f}")
                continue
            if len(run) > 1:
                picture.add("polyline", points=" ".join(run), fill="none", stroke_width=2, stroke_linejoin="round",
                            **stroke)
            run = []
        for x, values in filter(None, points):
            place = self.x.place(x)
            picture.add("line", x1=place, y1=self.y.place(min(values)), x2=place, y2=self.y.place(max(values)),
                        stroke_width=1.2, stroke_opacity=0.7, **stroke)

    def draw_points(self, number, name, points):
        """A mark for each median, which says its figures to whoever points at it."""
        names = dict(self.plot["x"]["ticks"])
        for x, values in filter(None, points):
            middle = median(values)
            spot = self.picture.add("g", class_="point")
            self.picture.add("title", spot).text = (
                f"{name}, {names[x]}: {shown(middle)} ({shown(min(values))}–{shown(max(values))}) – {self.label}")
            self.picture.mark(spot, number, self.x.place(x), self.y.place(middle))

    def draw_names(self):
        ends = [(number, name, [point for point in points if point][-1]) for number, name, points in self.lines
                if any(points)]
        places = [self.y.place(median(values)) for _, _, (_, values) in ends]
        for (number, name, (x, _)), y in zip(ends, apart(places, NAME_GAP, TOP, self.bottom)):
            self.picture.text(
                max(self.x.place(x) + 10, self.right - INSET + 10), y + 4, name,
                {"class_": f"mark{number}", "fill": LIGHT[number]}, font_weight=600)


def draw(plot, caption):
    """The plot as text of an SVG file, with lines of a caption below."""
    panels = len(plot["panels"])
    panel_width = WIDTH[panels]
    width = 2 * EDGE + panels * (LEFT + panel_width + RIGHT)
    columns = int((width - 2 * EDGE) / (TEXT * 0.51))
    below = [part for line in caption for part in textwrap.wrap(line, columns)]
    caption_top = TOP + HEIGHT + 70
    picture = Picture(width, caption_top + LINE * (len(below) - 1) + EDGE - 6, plot["title"])
    picture.text(EDGE, EDGE + 10, plot["title"], font_size=TITLE, font_weight=600)
    picture.text(EDGE, EDGE + 31, plot["note"], picture.filled("faint"))
    for number in range(panels):
        Panel(picture, plot, number, EDGE + LEFT + number * (LEFT + panel_width + RIGHT), panel_width).draw()
    for number, line in enumerate(below):
        picture.text(EDGE, caption_top + number * LINE, line, picture.filled("faint"))
    ElementTree.indent(picture.root, " ")
    return ElementTree.tostring(picture.root, encoding="unicode") + "\n"
