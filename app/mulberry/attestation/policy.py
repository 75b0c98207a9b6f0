"""From a network profile and the root contract to what a proxy must show."""

from mulberry.attestation.errors import NotProven
from mulberry.model.attestation import Policy, Requirements
from mulberry.model.network import NetworkProfile
from mulberry.model.root_contract import RootParameters


def requirements_of(profile: NetworkProfile, root: RootParameters) -> Requirements:
    """What a proxy of this network must show. Make it anew whenever the root contract was read.

    Raises `NotProven`: no proxy can show it, because the contract lists no image where one must be listed, or because
    the profile would have the main network be content with less than it asks for.
    """
    if profile.kind == "mainnet" and profile.proxy_policy is not Policy.TDX:
        raise NotProven("on the main network only a TDX quote is a proof")
    if profile.kind == "mainnet" and not profile.check_hashes:
        raise NotProven("on the main network images' hashes are compared")
    if not profile.check_hashes:
        return Requirements(profile.proxy_policy)
    if not root.proxy_hashes:  # an empty list would accept every image
        raise NotProven("the root contract lists no proxy image, and this network wants a listed one")
    return Requirements(profile.proxy_policy, image_hashes=frozenset(root.proxy_hashes))
