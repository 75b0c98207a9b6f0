"""How a setting is defined: a field of a pydantic model that carries everything a face has to know of it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from mulberry.model.settings import Page, Setting, Shape, TakesEffect


class SettingsModel(BaseModel):
    """What a file of settings holds. Values of other types, and unknown names, are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def setting(
    default: Any,
    title: str,
    explanation: str,
    page: Page,
    *,
    takes_effect: TakesEffect = TakesEffect.AT_ONCE,
    unit: str = "",
    shape: Shape | None = None,
    for_experts: bool = False,
    suggested: JsonValue = None,
    elsewhere: str = "",
    **bounds: Any,
) -> Any:
    """A field of a `SettingsModel`. `bounds` are pydantic's (`ge`, `le`, `max_length` …)."""
    extra: dict[str, JsonValue] = {
        "page": page,
        "takes_effect": takes_effect,
        "unit": unit,
        "shape": shape,
        "for_experts": for_experts,
        "suggested": suggested,
        "elsewhere": elsewhere,
    }
    return Field(default=default, title=title, description=explanation, json_schema_extra=extra, **bounds)


def describe(values: SettingsModel, *, of_computer: bool) -> tuple[Setting, ...]:
    """Every setting of the model with its value, in the order of definition."""
    held = values.model_dump(mode="json")
    defaults = type(values)().model_dump(mode="json")
    schema = type(values).model_json_schema()["properties"]
    return tuple(_described(name, schema[name], held[name], defaults[name], of_computer) for name in held)


def _described(name: str, schema: dict[str, Any], value: JsonValue, default: JsonValue, of_computer: bool) -> Setting:
    forms = schema.get("anyOf", [schema])
    form = next(form for form in forms if form.get("type") != "null")
    return Setting(
        name=name,
        title=schema["title"],
        explanation=schema["description"],
        page=Page(schema["page"]),
        shape=Shape(schema["shape"]) if schema["shape"] else _shape(form),
        value=value,
        default=default,
        takes_effect=TakesEffect(schema["takes_effect"]),
        unit=schema["unit"],
        choices=tuple(form.get("enum", ())),
        smallest=form.get("minimum", form["exclusiveMinimum"] + 1 if "exclusiveMinimum" in form else None),
        largest=form.get("maximum", form["exclusiveMaximum"] - 1 if "exclusiveMaximum" in form else None),
        may_be_off={"type": "null"} in forms,
        of_computer=of_computer,
        is_for_experts=schema["for_experts"],
        suggested=schema["suggested"],
        elsewhere=schema["elsewhere"],
    )


def _shape(form: dict[str, Any]) -> Shape:
    if "enum" in form:
        return Shape.CHOICE
    of_each = form.get("items", {}).get("type")
    return {
        ("boolean", None): Shape.SWITCH,
        ("integer", None): Shape.WHOLE,
        ("string", None): Shape.TEXT,
        ("array", "string"): Shape.TEXTS,
        ("array", "integer"): Shape.NUMBERS,
    }.get((form.get("type", ""), of_each), Shape.OTHER)
