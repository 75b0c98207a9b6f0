"""What the Settings page says beside the definitions' own words. Pure, so that each can be read and tested."""

from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import GpuInfo
from mulberry.model.settings import Setting, Shape, TakesEffect

NOT_HEARD_YET = "Waiting for the agent, which keeps the settings."
STALE = "The agent does not answer: the settings are as it told them last, and cannot be changed now."
SAVED_AT_ONCE = "What you change is kept at once."
SEARCH = "Search settings"
EXPERTS = "Settings for experts too"
CHANGED = "changed"
RESET = "Reset"
UNTIL = "until"
BEGIN_AND_END = ("from", "until")
ADD = "Add"
ADD_ONE = "Add one"
REMOVE = "Remove"
NO_GPUS = "No NVIDIA GPU is known here now. Rules that you made for one stay."
OF_A_GPU = ("Use", "Ceiling", "Other load")
AS_FOR_ALL = "as for all"
CHOICES = {
    "system": "As the system",
    "light": "Light",
    "dark": "Dark",
    "high contrast": "High contrast",
}


def on_or_off(is_on: bool) -> str:
    return "On" if is_on else "Off"


def choice(value: str) -> str:
    return CHOICES.get(value, value)


def value_of(name: str) -> str:
    return f"{name}: value"


def add_to(name: str) -> str:
    return f"Add to “{name}”"


def remove_from(name: str) -> str:
    return f"Remove what is chosen from “{name}”"


def of_an_hour(setting: Setting, hour: str) -> str:
    return f"{setting.title}, {hour}"


def as_text(name: str) -> str:
    return f"{name} as text"


def use_or_keep(use: bool) -> str:
    return "Use it" if use else "Keep it for me"


def gpu_name(gpu: GpuInfo) -> str:
    return f"{gpu.name} ({gpu.pci_address.partition(':')[2] or gpu.pci_address})"


def absent_gpu(uuid: str) -> str:
    return f"{uuid} (not here now)"


def of_gpu(name: str, what: str) -> str:
    return f"{name}: {what}"


def reset(setting: Setting) -> str:
    return f"Reset “{setting.title}”"


def placeholder(setting: Setting) -> str:
    if setting.shape in (Shape.NUMBERS, Shape.HOURS):
        return "numbers, with commas between them"
    return "none" if setting.may_be_off else ""


def mistake(setting: Setting, why: ValueError) -> str:
    return f"“{setting.title}” was not changed: {why}."


def when(setting: Setting) -> str:
    """When a change holds, where that is not at once."""
    return {
        TakesEffect.AT_ONCE: "",
        TakesEffect.NEXT_START: "A change holds with the next Start.",
        TakesEffect.NEXT_AGENT: "A change holds when the agent starts anew.",
    }[setting.takes_effect]


def not_read(problem: UserFacingError) -> str:
    return f"{problem.what} {problem.why} {problem.next_step}"


def found(matching: int, for_experts: int) -> str:
    """What a search found. `for_experts` match too and are hidden."""
    what = {0: "No setting matches.", 1: "1 setting matches."}.get(matching, f"{matching} settings match.")
    more = {0: "", 1: " 1 more is for experts."}.get(for_experts, f" {for_experts} more are for experts.")
    return what + more


def matches(setting: Setting, search: str) -> bool:
    """Whether every word of the search stands somewhere in what is told of the setting."""
    told = " ".join(
        (setting.name, setting.title, setting.explanation, setting.page, setting.unit, *map(choice, setting.choices))
    ).casefold()
    return all(word in told for word in search.casefold().split())
