from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.api import Monotonic
from plugins.rate_limit.table import Table


def filled(most: int, debts: dict[bytes, float]) -> Table:
    table = Table(most)
    for key, paid in debts.items():
        table.put(key, paid, Monotonic(0))
    return table


def test_a_debt_is_found_again() -> None:
    table = filled(10, {b"a": 5.0})
    assert (table.get(b"a"), table.get(b"b") <= 0, len(table)) == (5.0, True, 1)


def test_a_debt_that_is_paid_takes_no_room() -> None:
    table = Table(10)
    table.put(b"a", 3.0, Monotonic(4))
    assert len(table) == 0


def test_debts_that_were_paid_meanwhile_go_as_others_come() -> None:
    table = filled(1000, {b"%d" % n: 1.0 for n in range(100)})
    for number in range(60):
        table.put(b"new %d" % number, 9.0, Monotonic(2))
    assert len(table) == 60
    assert table.evicted == 0


def test_when_all_are_live_the_smallest_debt_is_remembered_roughly() -> None:
    table = filled(4, {b"a": 50.0, b"b": 60.0, b"c": 2.0, b"d": 70.0, b"e": 3.0})
    assert (len(table), table.evicted) == (4, 1)
    assert [table.get(key) for key in (b"a", b"b", b"c", b"d", b"e")] == [50.0, 60.0, 2.0, 70.0, 3.0]


def test_a_flood_of_new_keys_does_not_get_a_debt_forgotten() -> None:
    table = filled(64, {b"debtor": 1e6})
    for number in range(10_000):
        table.put(b"%d" % number, 1.0, Monotonic(0))
        assert table.get(b"debtor") >= 1e6
    assert len(table) == 64


def test_a_smaller_table_lets_go_of_what_is_too_many() -> None:
    table = filled(100, {b"%d" % n: 9.0 for n in range(100)})
    table.resize(16)
    table.put(b"new", 9.0, Monotonic(0))
    assert len(table) == 16
    assert all(table.get(b"%d" % n) == 9.0 for n in range(100))


class TableAgainstMemoryWithoutEnd(RuleBasedStateMachine):
    """Whatever comes, the table never remembers less than a memory without bounds would."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table(16)
        self.exact: dict[bytes, float] = {}
        self.now = 0.0

    @rule(key=st.integers(0, 60), debt=st.floats(0, 100))
    def charge(self, key: int, debt: float) -> None:
        name = b"%d" % key
        paid = max(self.table.get(name), self.now) + debt
        self.exact[name] = max(self.exact.get(name, 0.0), self.now) + debt
        self.table.put(name, paid, Monotonic(self.now))

    @rule(seconds=st.floats(0, 50))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(most=st.integers(1, 30))
    def resize(self, most: int) -> None:
        self.table.resize(most)

    @invariant()
    def nothing_is_forgotten(self) -> None:
        for name, paid in self.exact.items():
            assert paid <= self.now or self.table.get(name) >= paid - 1e-6

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.table) <= 30


TestTableAgainstMemoryWithoutEnd = TableAgainstMemoryWithoutEnd.TestCase
