"""The regions of Azure. Our own list of names; ids are the names in lower case without blanks."""

from collections.abc import Mapping

_NAMES = """
East US, East US 2, Central US, North Central US, South Central US, West Central US, West US, West US 2, West US 3,
Canada Central, Canada East, Mexico Central, Brazil South, Brazil Southeast, Chile Central, North Europe, West Europe,
UK South, UK West, France Central, France South, Germany North, Germany West Central, Switzerland North,
Switzerland West, Norway East, Norway West, Sweden Central, Sweden South, Poland Central, Italy North, Spain Central,
Austria East, Belgium Central, Denmark East, Greece Central, Finland Central, Israel Central, UAE Central, UAE North,
Qatar Central, Saudi Arabia East, South Africa North, South Africa West, Central India, South India, West India,
Jio India West, Jio India Central, East Asia, Southeast Asia, Japan East, Japan West, Korea Central, Korea South,
Australia East, Australia Southeast, Australia Central, Australia Central 2, New Zealand North, Malaysia West,
Indonesia Central, Taiwan North, Taiwan Northwest, Hong Kong, China East, China East 2, China East 3, China North,
China North 2, China North 3, US Gov Virginia, US Gov Arizona, US Gov Texas, US Gov Iowa, US DoD Central, US DoD East
"""


def region_id(location: str) -> str:
    """The id of a region: the location in lower case without blanks."""
    return "".join(location.lower().split())


REGIONS: Mapping[str, str] = {region_id(name): name.strip() for name in _NAMES.replace("\n", " ").split(",")}


def region_of(location: str | None) -> tuple[str | None, str | None]:
    """Id and name of the region of a location. A location that nobody knows has its own words as its name."""
    if not location or not location.strip():
        return None, None
    found = region_id(location)
    return found, REGIONS.get(found, location.strip())
