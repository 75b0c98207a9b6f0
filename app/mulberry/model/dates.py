"""Days of the calendar in the owner's language, as exactly as one wants them. Each takes a date of the local calendar,
or a moment by the local clock."""

from datetime import date

from mulberry.model.language import tr

WEEKDAYS = (
    *(tr("Monday"), tr("Tuesday"), tr("Wednesday"), tr("Thursday"), tr("Friday")),
    *(tr("Saturday"), tr("Sunday")),
)
SHORT_WEEKDAYS = (tr("Mon"), tr("Tue"), tr("Wed"), tr("Thu"), tr("Fri"), tr("Sat"), tr("Sun"))
SHORT_MONTHS = (
    *(tr("Jan"), tr("Feb"), tr("Mar"), tr("Apr"), tr("May"), tr("Jun")),
    *(tr("Jul"), tr("Aug"), tr("Sep"), tr("Oct"), tr("Nov"), tr("Dec")),
)


def day(local: date) -> str:
    """`05 Nov`."""
    return tr("{day} {month}", day=f"{local:%d}", month=SHORT_MONTHS[local.month - 1])


def day_of_year(local: date) -> str:
    """`05 Nov 2026`."""
    return tr("{day} {month} {year}", day=f"{local:%d}", month=SHORT_MONTHS[local.month - 1], year=local.year)


def day_of_week(local: date) -> str:
    """`Thu 05 Nov`."""
    return tr("{weekday} {day}", weekday=SHORT_WEEKDAYS[local.weekday()], day=day(local))


def month_of_year(local: date) -> str:
    """`Nov 2026`."""
    return tr("{month} {year}", month=SHORT_MONTHS[local.month - 1], year=local.year)
