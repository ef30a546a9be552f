"""Random models: right numbers, the same bits whole and streamed, or a documented refusal."""

from hypothesis import HealthCheck, given, settings

import random_models

FIGURES = random_models.Figures()


@given(random_models.strategy())
@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_random_model_is_right_or_refused_by_name(drawn):
    random_models.check(drawn, FIGURES)


def test_most_random_models_compile():
    print(FIGURES)
    counts = FIGURES.counts
    assert counts["models"] >= 300
    assert counts["both refused"] < counts["models"] / 2
