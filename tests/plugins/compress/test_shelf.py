from typing import Any

import pytest

from gateway.api import Response
from gateway.figures.registry import Figures
from plugins.compress.client import Client, Clients
from plugins.compress.figures import CompressFigures
from plugins.compress.forms import FORM_OF, Form
from plugins.compress.kept import Kept
from plugins.compress.policy import Leave, Make
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import Coding, CompressSettings, OriginSees
from plugins.compress.shelf import Shelf
from tests.support.compressing import Stored, is_replayed
from tests.support.plugins import make_request, pairs

BR = Make(FORM_OF[Coding.BR], Coding.BR, None, CompressReason.COMPRESSED)
CLIENT = Clients((Coding.BR,), OriginSees.ACCEPTED).of(b"br")


class Shelved:
    """A shelf and what it finds popular."""

    def __init__(self, figures: Figures | None = None, **settings: Any) -> None:
        self.figures = figures or Figures.in_memory()
        self.popular: list[Kept] = []
        checked = CompressSettings.model_validate(settings)
        self.shelf = Shelf(checked, "shop", CompressFigures(self.figures, "shop"), self.popular.append)

    def give(self, stored: Stored, client: Client = CLIENT) -> Response | None:
        """An answer in the form that was given before, `None` when there is none."""
        response = stored.answer()
        return response if self.shelf.give_again(make_request(), client, response, stored) else None

    def make(self, stored: Stored, made: bytes = b"coded") -> Response:
        """An answer in a form made just now."""
        response = stored.answer()
        kept, _ = self.shelf.add(stored, BR, made, 2, response.fields)
        self.shelf.give(make_request(), response, kept, BR.reason)
        return response


def test_a_form_is_given_again_with_its_fields() -> None:
    shelved, stored = Shelved(), Stored()
    assert shelved.give(stored) is None
    made = shelved.make(stored)
    again = shelved.give(stored)
    assert again is not None
    assert (again.body, pairs(again.fields)) == (b"coded", pairs(made.fields))
    assert again.replay is made.replay
    assert shelved.figures.value("compress_responses_total", route="shop", outcome="kept") == 1


def test_the_content_survives_a_validation_and_its_octets_count() -> None:
    shelved, stored = Shelved(), Stored()
    shelved.make(stored, bytes(3_000))
    (_, size, of_body) = stored.shelf["compress shop br"]
    assert of_body
    assert size > 3_000


def test_other_fields_are_dressed_anew() -> None:
    shelved, stored = Shelved(), Stored()
    shelved.make(stored)
    stored.fields.set(b"ETag", b'"b"')
    assert shelved.give(stored) is None


def test_so_is_content_as_it_is() -> None:
    shelved, stored = Shelved(), Stored()
    response = stored.answer()
    before = response.fields.wire
    response.fields.add(b"Vary", b"Accept-Encoding")
    verdict = Leave(CompressReason.NOT_ACCEPTED, varies=True)
    nobody = Clients((), OriginSees.ACCEPTED).of(b"br")
    shelved.shelf.keep_as_it_is(nobody, response, stored, verdict, before)
    again = shelved.give(stored, nobody)
    assert again is not None
    assert again.body is stored.body
    assert again.fields.get(b"vary") == b"Accept-Encoding"
    assert again.replay is not None
    assert b"accept-encoding" in again.replay.reads
    assert shelved.give(stored) is None  # for another client nothing is known


def test_after_a_reload_what_is_kept_is_taken_over_with_its_replays_ended() -> None:
    before, stored = Shelved(), Stored()
    old = before.make(stored)
    after = Shelved(figures=before.figures)
    assert after.give(stored) is None
    kept = after.shelf.find(stored, Form.BR)
    assert kept is not None
    response = stored.answer()
    after.shelf.give(make_request(), response, kept, CompressReason.KEPT)
    assert response.body == b"coded"
    assert old.replay is not None
    assert not is_replayed(old)
    assert after.give(stored) is not None


def test_uses_make_popular_replays_included() -> None:
    shelved, stored = Shelved(popular_after=4), Stored()
    made = shelved.make(stored)
    assert made.replay is not None
    made.replay.used(2)
    assert shelved.popular == []
    shelved.give(stored)
    assert [kept.uses for kept in shelved.popular] == [4]
    assert shelved.figures.value("compress_bytes_total", route="shop", coding="br", side="after") == 4 * len(b"coded")


@pytest.mark.parametrize("settings", [{"popular_after": "off"}, {"best_up_to": 100}, {"br": {"best": 2}}])
def test_not_everything_popular_deserves_better(settings: dict[str, Any]) -> None:
    shelved, stored = Shelved(**settings), Stored()
    shelved.make(stored)
    for _ in range(100):
        shelved.give(stored)
    assert shelved.popular == []


def test_a_better_form_takes_the_place_and_the_old_replay_ends() -> None:
    shelved, stored = Shelved(popular_after=1), Stored()
    old = shelved.make(stored)
    (kept,) = shelved.popular
    assert shelved.shelf.improve(kept, b"best", 11)
    assert old.replay is not None
    assert not is_replayed(old)
    now = stored.answer()
    better = shelved.shelf.find(stored, Form.BR)
    assert better is not None
    shelved.shelf.give(make_request(), now, better, CompressReason.KEPT)
    assert (now.body, now.fields.get(b"etag")) == (b"best", b'"a-br"')
    assert len(shelved.popular) == 1  # it is as good as it gets
    assert shelved.figures.value("compress_improved_total", route="shop", coding="br") == 1


def test_what_is_no_better_or_came_too_late_is_dropped() -> None:
    shelved, stored = Shelved(), Stored()
    old = shelved.make(stored)
    kept = shelved.shelf.find(stored, Form.BR)
    assert kept is not None
    assert not shelved.shelf.improve(kept, b"no better", 11)
    assert not shelved.shelf.improve(kept, None, 11)
    shelved.make(stored)  # another one meanwhile
    assert not shelved.shelf.improve(kept, b"best", 11)
    crowded = Stored(room=5_000)
    shelved.make(crowded, b"c" * 100)
    kept = shelved.shelf.find(crowded, Form.BR)
    assert kept is not None
    crowded.room = 10
    assert not shelved.shelf.improve(kept, b"best", 11)
    assert old.replay is not None


def test_what_became_of_a_shared_answer_is_given_to_all_who_share_it() -> None:
    shelved, stored = Shelved(), Stored()
    came, request = stored.answer(), make_request()
    assert shelved.shelf.give_shared(request, CLIENT, came) is None
    made = shelved.make(stored)
    assert shelved.shelf.give_shared(request, CLIENT, came) is None
    shelved.shelf.share(CLIENT, came, made)
    assert shelved.shelf.give_shared(request, CLIENT, came) is made
    assert [decision.reason for decision in request.trail] == [CompressReason.KEPT]
    assert shelved.shelf.give_shared(make_request(), CLIENT, stored.answer()) is None
    kept = shelved.shelf.find(stored, Form.BR)
    assert kept is not None
    assert kept.uses == 2


def test_an_answer_that_somebody_waits_for_or_that_is_no_kept_form_is_not_shared() -> None:
    shelved, stored = Shelved(), Stored()
    came, made = stored.answer(), shelved.make(stored)
    made.on_sent(lambda complete: None)
    shelved.shelf.share(CLIENT, came, made)
    shelved.shelf.share(CLIENT, came, stored.answer())
    assert shelved.shelf.give_shared(make_request(), CLIENT, came) is None


def test_nothing_is_shared_of_what_is_not_stored() -> None:
    shelved, stored = Shelved(), Stored()
    came, made = stored.answer(), shelved.make(stored)
    came.stored = None
    shelved.shelf.share(CLIENT, came, made)
    assert shelved.shelf.give_shared(make_request(), CLIENT, came) is None
    assert not made.shared
