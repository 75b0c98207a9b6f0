"""A folder of installed packages as pip leaves it, made by hand: metadata, files and a RECORD."""

from pathlib import Path

MIT = "Permission is hereby granted, free of charge"


def install(
    packages: Path, name: str, version: str = "1.0", *, licence: str = "MIT", files: dict[str, bytes] | None = None
) -> Path:
    """Puts distribution `name` into `packages`, `files` below that, or in its dist-info where they begin with "@"."""
    metadata_folder = f"{name.replace('-', '_')}-{version}.dist-info"
    contents = {"@METADATA": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n".encode()}
    if licence:
        contents["@METADATA"] += f"License-Expression: {licence}\n".encode()
    contents |= files if files is not None else {"@licenses/LICENSE": MIT.encode()}
    rows = [f"{metadata_folder}/RECORD,,"]
    for relative, content in contents.items():
        placed = f"{metadata_folder}/{relative[1:]}" if relative.startswith("@") else relative
        path = packages / placed
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        rows.append(f"{placed},sha256=not-looked-at,{len(content)}")
    (packages / metadata_folder / "RECORD").write_text("\n".join(rows) + "\n")
    return packages
