"""What lies beside each artefact: its list of contents, its signature, and the checksums of all three."""

from pathlib import Path

from installers import budget, checksums, sbom, signing
from installers.prune import refuse_gpl_only_parts


def write_beside(
    artefact: Path, tree: Path | None, *, packages: Path | None, others: tuple[sbom.Part, ...] = ()
) -> None:
    """The last step of every build. SystemExit where `artefact` must not leave the house; then it is deleted.

    `tree` is the folder that was packed, `packages` the folder in it that holds the Python distributions, both None
    for a wheel, which brings none; `others` is what else was packed, such as a Python of its own. In this order:
    nothing of Qt under the GPL alone; within the size budget; signature by `MULBERRY_SIGN`; list of contents
    (`.cdx.json`); SHA256SUMS.
    """
    try:
        if tree is not None:
            refuse_gpl_only_parts(tree)
        budget.check(artefact, packages)
        signing.sign(artefact)  # first, because some change the artefact itself, whose hash is in the list
        own = (sbom.emulator(),) if tree is None or any(tree.rglob(sbom.EMULATOR.name)) else ()
        listed = sbom.write(artefact, packages, (*own, *others))
        checksums.note(artefact, listed, *signing.signatures_beside(artefact))
    except SystemExit:
        artefact.unlink(missing_ok=True)
        raise
