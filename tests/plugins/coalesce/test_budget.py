from plugins.coalesce.budget import Budget


class Buffer:
    """Holds some octets for newcomers alone."""

    def __init__(self, budget: Budget, octets: int) -> None:
        self.budget = budget
        self.octets = octets
        budget.hold(octets)
        budget.spare(self)

    def release(self) -> None:
        self.budget.hold(-self.octets)
        self.octets = 0


def test_the_widest_route_counts() -> None:
    budget, first, second = Budget(), object(), object()
    budget.join(first, 10)
    budget.join(second, 20)
    assert budget.limit == 20
    budget.leave(second)
    assert budget.limit == 10
    budget.leave(second)
    budget.leave(first)
    assert budget.limit == 0


def test_it_is_full_above_its_limit() -> None:
    budget = Budget()
    budget.join(self := object(), 10)
    seen = []
    for octets in (10, 1, -1):
        budget.hold(octets)
        seen.append(budget.is_full)
    assert seen == [False, True, False]
    budget.leave(self)


def test_what_is_kept_for_newcomers_goes_first_the_oldest_first_and_no_more_than_needed() -> None:
    budget = Budget()
    budget.join(object(), 25)
    first, second, third = Buffer(budget, 10), Buffer(budget, 10), Buffer(budget, 10)
    budget.make_room()
    assert [buffer.octets for buffer in (first, second, third)] == [0, 10, 10]
    budget.spare_no_more(second)
    budget.hold(100)
    budget.make_room()
    assert [buffer.octets for buffer in (first, second, third)] == [0, 10, 0]
