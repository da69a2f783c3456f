"""The faults of the simulated ERP come as often as ordered, and with a seed the same again."""

from simulators.erp.faults import Dice, Fate, Faults, Pace


def test_a_pace_lets_through_its_rate_and_no_more() -> None:
    pace = Pace()
    taken = sum(pace.seconds_over(20.0, now=1000 + tick / 100) == 0 for tick in range(1000))

    assert 200 <= taken <= 220
    while not (wait := pace.seconds_over(20.0, now=1010.0)):
        pass
    assert wait <= 0.05
    assert pace.seconds_over(20.0, now=1010.0 + wait + 1e-6) == 0
    assert pace.seconds_over(None, now=1010.0) == 0


def test_the_same_seed_meets_the_same_fates() -> None:
    faults = Faults(error_rate=0.2, error_after_booking_rate=0.2, swallow_rate=0.2, cut_rate=0.2)
    first, second, other = (
        [dice.throw(faults) for _ in range(500)] for dice in (Dice(7), Dice(7), Dice(8))
    )

    assert first == second != other
    assert set(first) == set(Fate)
    assert {fate: 80 <= first.count(fate) <= 120 for fate in Fate} == dict.fromkeys(Fate, True)
