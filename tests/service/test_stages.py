from pleinair.service.stages import FIRST_SHARES, Stages

RUN = [("load", 0, 1), ("load", 1, 1), ("denoise", 0, 4), ("denoise", 2, 4), ("denoise", 4, 4)]
RUN += [("decode", 0, 1), ("deliver", 0, 1), ("write", 0, 10), ("write", 9, 10), ("upload", 0, 3)]


def test_progress_grows_and_never_says_done() -> None:
    stages = Stages()
    reached = [stages.reach(*step) for step in [*RUN, ("upload", 3, 3)]]
    assert reached == sorted(reached)
    assert reached[0] == 0
    assert reached[-1] == 99


def test_progress_never_goes_back() -> None:
    stages = Stages()
    before = stages.reach("decode", 0, 2)
    assert stages.reach("draw", 1, 10) == before  # a window after the first was decoded


def test_a_stage_gets_the_share_that_it_took_before() -> None:
    quick = Stages({**FIRST_SHARES, "write": 1000.0})
    assert quick.reach("denoise", 4, 4) < 10
    slow = Stages({**FIRST_SHARES, "make": 10_000.0})
    assert slow.reach("denoise", 4, 4) > 95


def test_stages_with_nothing_to_do_and_no_time_are_fine() -> None:
    stages = Stages(dict.fromkeys(FIRST_SHARES, 0.0))
    assert stages.reach("draw", 0, 0) == 0
    assert set(stages.finish()) == set(FIRST_SHARES)
