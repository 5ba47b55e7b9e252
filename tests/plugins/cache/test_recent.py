from plugins.cache.recent import MOST_REMEMBERED, RecentPurges
from plugins.cache.selection import ByKey, ByTag
from tests.support.stored_responses import stored_response

ONE, TWO = stored_response(b"1"), stored_response(b"2", tags=[b"red"])


def test_a_purge_before_the_question_counts_no_more() -> None:
    recent = RecentPurges()
    recent.note(ByKey(b"1"), soft=False)
    assert recent.hit(ONE, since=recent.latest) is None


def test_a_purge_after_the_question_counts_for_what_it_means() -> None:
    recent = RecentPurges()
    asked = recent.latest
    recent.note(ByKey(b"1"), soft=False)
    recent.note(ByTag(b"red"), soft=True)
    assert recent.hit(ONE, asked) is True
    assert recent.hit(TWO, asked) is False
    assert recent.hit(stored_response(b"3"), asked) is None


def test_a_hard_purge_beats_a_soft_one_whichever_came_first() -> None:
    for first_is_soft in (True, False):
        recent = RecentPurges()
        recent.note(ByKey(b"1"), soft=first_is_soft)
        recent.note(ByKey(b"1"), soft=not first_is_soft)
        assert recent.hit(ONE, since=0) is True


def test_a_question_older_than_what_is_remembered_counts_as_purged() -> None:
    recent = RecentPurges()
    for _ in range(MOST_REMEMBERED):
        recent.note(ByKey(b"another"), soft=True)
    assert recent.hit(ONE, since=0) is None
    recent.note(ByKey(b"another"), soft=True)
    assert recent.hit(ONE, since=0) is True
    assert recent.hit(ONE, since=1) is None
