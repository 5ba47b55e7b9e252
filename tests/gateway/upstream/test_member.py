from gateway.upstream.member import LONG_AGO, Member


def test_a_new_member_is_good_and_has_its_full_share() -> None:
    member = Member("http://a", 3)
    assert (member.share, member.pending) == (3, 0)
    assert member.is_able
    assert member.is_healthy
    assert not member.is_draining
    assert member.resting_until == member.warming_since == member.lagging_until == LONG_AGO


def test_members_remember_on_their_own() -> None:
    assert Member("http://a").memory.record is not Member("http://a").memory.record
