"""What can be measured, and in which units, in the words of EPCIS.

EPCIS 2.0, section 7.3.7.3: the type of a sensor report is one of GS1's
measurement types or a URI; its unit is a code of UN/ECE Recommendation 20.
"""

import re
from difflib import get_close_matches

from edge.milestones.site import is_uri

_GS1_TYPES = """
    AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
    AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity
    Area Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent
    DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent
    ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency Illuminance
    Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux
    LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass
    MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute
    MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity
    Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed
    SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate
    VolumeFraction VolumetricFlux Wavenumber
"""
MEASUREMENT_TYPES = frozenset(_GS1_TYPES.split())
_GS1_WORDS = re.compile(r"https?://(www\.)?gs1\.org/voc/")
_UNIT = re.compile("[A-Z0-9]{2,3}")


def is_measure(name: str) -> bool:
    """Tell whether an event can name this measurement type: GS1's, or a URI of somebody else's."""
    return name in MEASUREMENT_TYPES or (is_uri(name) and not _GS1_WORDS.match(name))


def is_unit(code: str) -> bool:
    """Tell whether a code has the form of a unit of measure."""
    return _UNIT.fullmatch(code) is not None


def likely_measure(name: str) -> str:
    """Return the measurement type that may have been meant."""
    known = sorted(MEASUREMENT_TYPES)
    within = [each for each in known if name.lower() in each.lower()]
    return (within or get_close_matches(name, known, n=1) or ["Dimensionless"])[0]
