from gateway.demo import shop


def test_every_id_from_one_on_names_a_product_of_its_own() -> None:
    names = {product["name"] for number in range(1, shop.PRODUCTS + 1) if (product := shop.product(number, 0))}
    assert len(names) == shop.PRODUCTS == 24


def test_there_is_no_product_beyond_the_last_nor_before_the_first() -> None:
    assert shop.product(0, 0) is None
    assert shop.product(shop.PRODUCTS + 1, 0) is None


def test_the_catalogue_changes_with_its_revision_and_only_then() -> None:
    assert shop.catalogue(7) == shop.catalogue(7)
    assert shop.catalogue(7) != shop.catalogue(8)
    assert shop.etag(shop.catalogue(7)) != shop.etag(shop.catalogue(8))


def test_a_revision_lasts_thirty_seconds() -> None:
    assert shop.revision(59.9) == shop.revision(30.0) == shop.revision(60.0) - 1


def test_a_validator_is_compared_weakly_and_may_be_one_of_several() -> None:
    assert shop.is_current('"a", W/"b"', '"b"')
    assert shop.is_current("*", '"b"')
    assert not shop.is_current('"a"', '"b"')
    assert not shop.is_current(None, '"b"')


def test_bad_spells_with_every_kind_of_mishap_and_good_ones_take_turns() -> None:
    first = [shop.mishap(visit) for visit in range(18)]
    assert set(first[:6]) == set(shop.Mishap) - {shop.Mishap.NONE}
    assert first[6:] == [shop.Mishap.NONE] * shop.WELL
    assert [shop.mishap(visit) for visit in range(18, 36)] == first


def test_ticks_are_numbered_and_their_price_stays_near_a_hundred() -> None:
    ticks = [shop.price_tick(number) for number in range(200)]
    assert [tick["tick"] for tick in ticks] == list(range(200))
    assert {98.0, 102.0} == {min(float(t["price"]) for t in ticks), max(float(t["price"]) for t in ticks)}


def test_each_symbol_has_prices_of_its_own() -> None:
    assert len(set(shop.SYMBOLS)) == len(shop.SYMBOLS)
    told = shop.price_of(3, 17, 1234.5)
    assert (told["symbol"], told["at"]) == (shop.SYMBOLS[3], 1234.5)
    assert abs(float(told["price"]) - 130) <= 2
