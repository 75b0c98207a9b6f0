"""What the Settings page says beside the definitions' own words. Pure, so that each can be read and tested."""

from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import GpuInfo
from mulberry.model.language import LANGUAGES, tr, tr_count
from mulberry.model.settings import Page, Setting, Shape, TakesEffect

NOT_HEARD_YET = tr("Waiting for the agent, which keeps the settings.")
STALE = tr("The agent does not answer: the settings are as it told them last, and cannot be changed now.")
SAVED_AT_ONCE = tr("What you change is kept at once.")
SEARCH = tr("Search settings")
EXPERTS = tr("Settings for experts too")
CHANGED = tr("changed")
RESET = tr("Reset")
UNTIL = tr("until")
BEGIN_AND_END = (tr("from"), UNTIL)
ADD = tr("Add")
ADD_ONE = tr("Add one")
REMOVE = tr("Remove")
NO_GPUS = tr("No NVIDIA GPU is known here now. Rules that you made for one stay.")
OF_A_GPU = (tr("Use"), tr("Ceiling"), tr("Other load"), tr("Power cap"))
AS_FOR_ALL = tr("as for all")
PAGES = {
    Page.WHEN: tr("When to work"),
    Page.ELECTRICITY: tr("Electricity"),
    Page.EARNING: tr("Earning"),
    Page.NOTIFICATIONS: tr("Notifications"),
    Page.LOOKS: tr("Looks"),
    Page.PRIVACY: tr("Privacy"),
    Page.OPERATORS: tr("For operators"),
    Page.OTHER: tr("Other"),
}
CHOICES = {
    "system": tr("As the system"),
    "light": tr("Light"),
    "dark": tr("Dark"),
    "high contrast": tr("High contrast"),
}


def on_or_off(is_on: bool) -> str:
    return tr("On") if is_on else tr("Off")


def choice(value: str) -> str:
    return CHOICES.get(value) or LANGUAGES.get(value, value)


def value_of(name: str) -> str:
    return tr("{name}: value", name=name)


def add_to(name: str) -> str:
    return tr("Add to “{name}”", name=name)


def remove_from(name: str) -> str:
    return tr("Remove what is chosen from “{name}”", name=name)


def of_an_hour(setting: Setting, hour: str) -> str:
    return f"{setting.title}, {hour}"


def as_text(name: str) -> str:
    return tr("{name} as text", name=name)


def use_or_keep(use: bool) -> str:
    return tr("Use it") if use else tr("Keep it for me")


def gpu_name(gpu: GpuInfo) -> str:
    return f"{gpu.name} ({gpu.pci_address.partition(':')[2] or gpu.pci_address})"


def absent_gpu(uuid: str) -> str:
    return tr("{uuid} (not here now)", uuid=uuid)


def of_gpu(name: str, what: str) -> str:
    return f"{name}: {what}"


def reset(setting: Setting) -> str:
    return tr("Reset “{title}”", title=setting.title)


def placeholder(setting: Setting) -> str:
    if setting.shape in (Shape.NUMBERS, Shape.HOURS):
        return tr("numbers, with commas between them")
    return tr("none") if setting.may_be_off else ""


def mistake(setting: Setting, why: ValueError) -> str:
    return tr("“{title}” was not changed: {reason}.", title=setting.title, reason=why)


def when(setting: Setting) -> str:
    """When a change holds, where that is not at once."""
    return {
        TakesEffect.AT_ONCE: "",
        TakesEffect.NEXT_START: tr("A change holds with the next Start."),
        TakesEffect.NEXT_AGENT: tr("A change holds when the agent starts anew."),
    }[setting.takes_effect]


def not_read(problem: UserFacingError) -> str:
    return f"{problem.what} {problem.why} {problem.next_step}"


def found(matching: int, for_experts: int) -> str:
    """What a search found. `for_experts` match too and are hidden."""
    what = tr("No setting matches.")
    if matching:
        what = tr_count("{count} setting matches.", "{count} settings match.", matching)
    if not for_experts:
        return what
    return f"{what} {tr_count('{count} more is for experts.', '{count} more are for experts.', for_experts)}"


def matches(setting: Setting, search: str) -> bool:
    """Whether every word of the search stands somewhere in what is told of the setting."""
    told = " ".join(
        (
            setting.name,
            setting.title,
            setting.explanation,
            PAGES[setting.page],
            setting.unit,
            *map(choice, setting.choices),
        )
    ).casefold()
    return all(word in told for word in search.casefold().split())
