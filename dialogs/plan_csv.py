"""A plan as a table of text: one line, one session (docs/plan-files.md has the columns).

separator   , ; or tab: the one under which the head line has most names that are known. Decimals may stand behind
            a comma where the comma does not separate
dates       2026-03-09, 9.3.2026, or with slashes. 3/4/2026 is the 3rd of April or the 4th of March, so the column
            decides as a whole: one 25/4 in it settles the order. Where nothing settles it, all of it is refused, and
            the coach is asked; a plan that stands a month off would be trained before anybody saw it
records     a cell in quotes may hold lines of its own. A quote that is opened and never closed would swallow the
            rest of the file without a word, so a record ends after some lines, and reading goes on below it
text        what a program for tables would compute ("=1+1", "-2 km") is written with an apostrophe in front, which
            comes off again when it is read
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Literal

from dialogs import plan_reading as reading
from dialogs import when
from dialogs.model import Session
from dialogs.plan import FORMS, RUNS
from dialogs.plan_reading import Problem, Read

Order = Literal["dmy", "mdy"]
COLUMNS = ("date", "kind", "minutes", "km", "descent", "effort", "text", "form")

# Names of columns as `plan_reading.plain` writes them, without the words of _FILL and without a unit behind them.
_NAMES = {
    "date": "date, datum, fecha, workoutday, start date",
    "weekday": "day, weekday, dow, tag, wochentag, dia, dia de la semana, jour, jour de la semaine",
    "kind": "kind, type, art, typ, tipo, genre",
    "minutes": "minutes, mins, min, minuten, minutos",
    "duration": "duration, dauer, duracion, duree",
    "km": "km, kms, kilometers, kilometres, kilometer, kilometros",
    "mi": "mi, mile, miles, meilen, millas",
    "distance": "distance, distanz, strecke, distancia",
    "descent": "descent, downhill, elevation loss, abstieg, bergab, descenso, descente, denivele negatif",
    "effort": "effort, rpe, intensity rpe, anstrengung, esfuerzo",
    "text": """text, notes, note, description, details, comment, comments, instructions, title, workout, session,
        training, run, notiz, notizen, beschreibung, bemerkung, einheit, notas, descripcion, sesion, entrenamiento,
        remarques, seance, entrainement""",
    "form": "form, strength form, kraftform",
    "": "week, wk, woche, semana, semaine, no, nr, id, phase, block",
}
_MEANS = {" ".join(name.split()): means for means, names in _NAMES.items() for name in names.split(",")}
_FILL = {"planned", "plan", "session", "target", "total", "geplant", "prevu", "previsto", "in", "the"}
_UNITS = {
    ("duration", "min"): "minutes", ("duration", "mins"): "minutes", ("duration", "minutes"): "minutes",
    ("duration", "minuten"): "minutes", ("duration", "minutos"): "minutes", ("distance", "km"): "km",
    ("distance", "kilometers"): "km", ("distance", "kilometres"): "km", ("distance", "mi"): "mi",
    ("distance", "miles"): "mi", ("descent", "m"): "descent",
}  # fmt: skip
_WEEKDAYS = (
    "mon monday mo montag lun lunes lundi", "tue tues tuesday di dienstag martes mardi",
    "wed wednesday mi mittwoch mie miercoles mer mercredi",
    "thu thur thurs thursday do donnerstag jue jueves jeu jeudi",
    "fri friday fr freitag vie viernes ven vendredi", "sat saturday sa samstag sab sabado sam samedi",
    "sun sunday so sonntag dom domingo dim dimanche",
)  # fmt: skip
_WEEKDAY = {name: number for number, names in enumerate(_WEEKDAYS) for name in names.split()}

_HEAD_WITHIN = 20  # lines: a title and some words may stand above the table
_RECORD_LINES = 40  # physical lines of one record: a long description in a cell of a spreadsheet
_MAX_COLUMNS = 60
_SEPARATORS = ",;\t"
_BEHIND = {"descent": " ?m", "effort": " ?/ ?10"}
_FORMULA = re.compile(r"'*[=+\-@]")
_SURELY_MINUTES = 15  # a length without a unit is one of minutes if the column has one that no day has hours for
_Row = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class _Table:
    """`columns`: what each cell of a record means, "" where it is passed over."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    separator: str
    head: int  # line
    records: tuple[tuple[int, list[str] | None], ...]  # with the line each begins on; None: its quotes are broken

    def row(self, cells: list[str]) -> _Row:
        row: dict[str, list[str]] = {}
        for means, cell in zip(self.columns, cells, strict=False):
            if cell.strip():
                row.setdefault(means, []).append(cell.strip())
        return row


def read(text: str, today: date, order: Order | None = None) -> Read:
    """The sessions of a table. `order`: the coach's word for dates like 3/4/2026, where the column does not tell."""
    table = _table(text)
    if isinstance(table, Problem):
        return Read(problems=(table,))
    if (wrong := _wrong_columns(table)) is not None:
        return Read(problems=(wrong,))
    if len(table.records) > reading.MAX_SESSIONS:
        return Read(problems=(Problem(0, "plan_file.too_many", {"limit": reading.MAX_SESSIONS}),))
    problems: list[Problem] = []
    rows: list[tuple[int, _Row]] = []
    for line, cells in table.records:
        if cells is None:
            problems.append(Problem(line, "plan_file.quotes"))
        elif any(cell.strip() for cell in cells[len(table.columns) :]):
            problems.append(Problem(line, "plan_file.cells", {"columns": len(table.columns)}))
        elif set(row := table.row(cells)) - {"date", "weekday", ""}:  # a date alone is a day that is left blank
            rows.append((line, row))
    days = dict(_dates([(line, row["date"][0]) for line, row in rows if "date" in row], today, order))
    if isinstance(asked := days.get(0), Problem):
        return reading.read_as((), [asked, *problems])
    lengths = [
        int(cell) for _, row in rows for cell in row.get("duration", ()) if re.fullmatch(r"\d{1,5}", cell, re.ASCII)
    ]
    sessions = []
    for line, row in rows:
        found = _session(table, line, row, days.get(line), today, in_minutes=max(lengths, default=0) >= _SURELY_MINUTES)
        if isinstance(found, Session):
            sessions.append(found)
        else:
            problems.append(found)
    notes = []
    passed_over = [name for name, means in zip(table.names, table.columns, strict=True) if means == "?"]
    if passed_over:
        names = ", ".join(map(reading.excerpt, passed_over))
        notes.append(Problem(table.head, "plan_file.ignored", {"names": names}))
    if "kind" not in table.columns and sessions:
        notes.append(Problem(table.head, "plan_file.guessed_lines"))
    return reading.read_as(sessions, problems, notes)


def write(sessions: Iterable[Session]) -> str:
    """The table that `read` reads back. Dates are ISO, texts as `plan_reading.tidy` leaves them; ids are not in it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in sessions:
        text = reading.tidy(one.text)
        text = f"'{text}" if _FORMULA.match(text) else text
        km = None if one.km is None else reading.decimal(one.km)
        writer.writerow([one.day.isoformat(), one.kind, one.minutes, km, one.descent, one.effort, text, one.form])
    return out.getvalue()


# --- the table ------------------------------------------------------------------------------------------------------


def _table(text: str) -> _Table | Problem:
    lines = list(io.StringIO(text, newline=""))
    named = re.fullmatch(r'"?sep=(.)"?\s*', lines[0], re.IGNORECASE) if lines else None
    for line, head in enumerate(lines[:_HEAD_WITHIN], 1):
        ways = named[1] if named else _SEPARATORS
        read_as = [(separator, _cells(head, separator)) for separator in ways]
        separator, names = max(read_as, key=lambda way: sum(_means(name) not in ("", "?") for name in way[1]))
        columns = [_means(name) for name in names]
        if "date" not in columns and "weekday" in columns:  # "Day" is a date where nothing else is
            columns[columns.index("weekday")] = "date"
        if "date" in columns and len(columns) > 1:
            records = islice(_records(lines, line, separator), reading.MAX_SESSIONS + 1)
            return _Table(tuple(columns), tuple(names), separator, line, tuple(records))
    return Problem(1, "plan_file.no_head")


def _cells(head: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([head], delimiter=separator, strict=True), [])
    except csv.Error:
        return []
    while cells and not cells[-1].strip():
        cells.pop()
    return cells if len(cells) <= _MAX_COLUMNS else []


def _means(name: str) -> str:
    """What a column of this name holds; "" is passed over without a word, "?" with one."""
    words = reading.plain(name).split()
    if (whole := " ".join(words)) in _MEANS:
        return _MEANS[whole]
    kept = [word for word in words if word not in _FILL]
    if (means := _MEANS.get(" ".join(kept))) is not None:
        return means
    if len(kept) > 1 and (means := _UNITS.get((_MEANS.get(" ".join(kept[:-1]), ""), kept[-1]))) is not None:
        return means
    return "?" if words else ""


def _records(lines: list[str], start: int, separator: str) -> Iterator[tuple[int, list[str] | None]]:
    while start < len(lines):
        record = csv.reader(
            lines[start : start + _RECORD_LINES], delimiter=separator, strict=True, skipinitialspace=separator != "\t"
        )
        try:
            cells = next(record)
            used = record.line_num
        except csv.Error:
            cells, used = None, 1
        if cells is None or any(cell.strip() for cell in cells):
            yield start + 1, cells
        start += used


def _wrong_columns(table: _Table) -> Problem | None:
    counts = Counter(means for means in table.columns if means not in ("", "?"))
    names = Counter(reading.plain(name) for name in table.names if name.strip())
    for means, name in zip(table.columns, table.names, strict=True):
        if names[reading.plain(name)] > 1 or (counts[means] > 1 and means not in ("text", "weekday")):
            return Problem(table.head, "plan_file.column_twice", {"column": reading.excerpt(name)})
    if not {"kind", "text"} & set(counts):
        return Problem(table.head, "plan_file.no_kind_column")
    return None


# --- one session --------------------------------------------------------------------------------------------------


def _session(
    table: _Table, line: int, row: _Row, day: date | Problem | None, today: date, *, in_minutes: bool
) -> Session | Problem:
    if not isinstance(day, date):
        return day or Problem(line, "plan_file.no_date")
    if not reading.within(day, today):
        near = {"first": (today - reading.BEFORE).isoformat(), "last": (today + reading.AHEAD).isoformat()}
        return Problem(line, "plan_file.far", {"words": row["date"][0], **near})
    told = [_WEEKDAY[word] for cell in row.get("weekday", ()) if (word := reading.plain(cell)) in _WEEKDAY]
    if told and told[0] != day.weekday():
        return Problem(line, "plan_file.weekday", {"words": row["weekday"][0], "day": day.isoformat()})
    text = _unguarded("\n".join(row.get("text", ())))
    kind = _kind(line, row, text, guess="kind" not in table.columns)
    if isinstance(kind, Problem):
        return kind
    values: dict[str, float | None] = {}
    for column, value in _numbers(row, in_minutes=in_minutes, comma=table.separator != ","):
        if isinstance(value, str):
            return Problem(line, value, {"column": column, "words": reading.excerpt(row[column][0])})
        values["km" if column in ("mi", "distance") else "minutes" if column == "duration" else column] = value
    if "kind" not in table.columns and not {"minutes", "km"} & set(values):
        title, _, more = text.partition("\n")
        values["minutes"], values["km"] = reading.told(title, more)
    if kind == "rest":
        if any(values.values()):
            return Problem(line, "plan_file.rest")
        values = {}  # a table has 0 there
    form = reading.plain(row["form"][0]) if "form" in row else None
    if form is not None and (form not in FORMS or kind != "strength"):
        return Problem(line, "plan_file.form", {"words": reading.excerpt(row["form"][0]), "forms": ", ".join(FORMS)})
    session = Session("", day, kind, text=text, form=form, **values)  # type: ignore[arg-type]
    return reading.out_of_range(line, session) or session


def _unguarded(text: str) -> str:
    text = reading.tidy(text)
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def _kind(line: int, row: _Row, text: str, *, guess: bool) -> str | Problem:
    words = text if guess else row.get("kind", [""])[0]
    if not words:
        return Problem(line, "plan_file.no_kind")
    title, _, more = text.partition("\n")
    kinds = reading.kinds_of(title, more) if guess else reading.kinds_in(words)
    if not guess and reading.any_run(words):  # "Run": which one, its title may say
        kinds = reading.kinds_of(title) & {*RUNS} or kinds
    if len(kinds) == 1:
        return kinds.pop()
    what = "plan_file.two_sessions" if kinds else "plan_file.kind"
    return Problem(line, what, {"words": reading.excerpt(words)})


def _numbers(row: _Row, *, in_minutes: bool, comma: bool) -> Iterator[tuple[str, float | str | None]]:
    """Each number of a row by its column, or the id of what is wrong with it."""
    for column in ("mi", "distance", "km", "duration", "minutes", "descent", "effort"):
        if column not in row:
            continue
        cell = row[column][0]
        number = reading.number_in(cell, comma=comma)
        if column in ("minutes", "duration"):
            unsure = number is not None and column == "duration" and not in_minutes
            yield column, "plan_file.unit" if unsure else _or_wrong(reading.minutes_in(cell))
        elif column == "distance" and number is not None:
            yield column, "plan_file.unit"
        elif column in ("km", "mi", "distance"):
            found_km = reading.km_in(cell) if number is None else number
            if number is not None and column == "mi":
                found_km = round(number * reading.KM_PER_MILE, 2)
            yield column, _or_wrong(found_km)
        else:
            whole = re.fullmatch(rf"(\d{{1,6}})(?:[.,]0+)?(?:{_BEHIND[column]})?", cell, re.ASCII)
            yield column, int(whole[1]) if whole else "plan_file.number"


def _or_wrong(number: float | None) -> float | str:
    return "plan_file.number" if number is None else number


# --- dates ----------------------------------------------------------------------------------------------------------

_LETTERS = r"(?:[^\W\d_]+\.?,? )?"  # "Mon 9.3.2026": the weekday has a column of its own where it shall be checked
_ISO = re.compile(rf"{_LETTERS}(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}})(?:[T ]\d.*)?", re.ASCII)
_DOTS = re.compile(rf"{_LETTERS}(\d{{1,2}})\. ?(\d{{1,2}})\. ?(\d{{4}}|\d{{2}})", re.ASCII)
_SLASHES = re.compile(rf"{_LETTERS}(\d{{1,2}})([/-])(\d{{1,2}})\2(\d{{4}}|\d{{2}})", re.ASCII)


def _dates(cells: list[tuple[int, str]], today: date, order: Order | None) -> Iterator[tuple[int, date | Problem]]:
    """Each line's date, or what is wrong with it. Under 0: why the column as a whole is not to be read."""
    shapes = {line: _shape(cell) for line, cell in cells}
    counts = Counter(shape for shape in shapes.values() if shape)
    usual = counts.most_common(1)[0][0] if counts else ""
    slashes = {line: found for line, cell in cells if (found := _SLASHES.fullmatch(cell))}
    day_first = [line for line, found in slashes.items() if int(found[1]) > 12 >= int(found[3])]
    month_first = [line for line, found in slashes.items() if int(found[3]) > 12 >= int(found[1])]
    if usual == "slashes":
        if day_first and month_first:
            other = min(day_first, month_first, key=len)[0]
            yield 0, Problem(other, "plan_file.dates_mixed", {"words": slashes[other][0]})
            return
        open_ones = [(line, found) for line, found in slashes.items() if int(found[1]) != int(found[3])]
        if open_ones and not (day_first or month_first or order):
            yield 0, Problem(open_ones[0][0], "plan_file.date_order", _both_readings(open_ones[0][1]))
            return
    mdy = bool(month_first) or (order == "mdy" and not day_first)
    for line, cell in cells:
        if shapes[line] and shapes[line] != usual:
            yield line, Problem(line, "plan_file.date_shape", {"words": reading.excerpt(cell)})
        else:
            yield line, _day(cell, today, mdy=mdy) or Problem(line, "plan_file.date", {"words": reading.excerpt(cell)})


def _both_readings(found: re.Match[str]) -> dict[str, str]:
    year = int(found[4]) + (2000 if len(found[4]) == 2 else 0)
    one, other = _calendar(year, int(found[3]), int(found[1])), _calendar(year, int(found[1]), int(found[3]))
    return {"words": found[0], "dmy": one.isoformat() if one else "", "mdy": other.isoformat() if other else ""}


def _shape(cell: str) -> str:
    for name, pattern in (("iso", _ISO), ("dots", _DOTS), ("slashes", _SLASHES)):
        if pattern.fullmatch(cell):
            return name
    return "words" if re.search(r"[^\W\d_]{3}", cell) and re.search(r"\d{4}", cell) else ""


def _day(cell: str, today: date, *, mdy: bool) -> date | None:
    if found := _ISO.fullmatch(cell):
        return _calendar(int(found[1]), int(found[3]), int(found[4]))
    if found := _DOTS.fullmatch(cell):
        return _calendar(int(found[3]), int(found[2]), int(found[1]))
    if found := _SLASHES.fullmatch(cell):
        day, month = (found[3], found[1]) if mdy else (found[1], found[3])
        return _calendar(int(found[4]), int(month), int(day))
    if _shape(cell) == "words":
        told = when.day(cell, today, past_allowed=True)
        return told if isinstance(told, date) else None
    return None


def _calendar(year: int, month: int, day: int) -> date | None:
    try:
        return date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None
