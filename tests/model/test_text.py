import pytest
import torch

from pleinair.errors import ModelError
from pleinair.model.text import MAX_WORDS, UNKNOWN, Encoded, TextConfig, TextEncoder, Vocabulary

WORDS = ["1", "a", "aube", "balloon", "balloons", "d", "l", "mer", "of", "peaks", "prairie", "sea"]
VOCABULARY = Vocabulary(WORDS)


def _words(text: str) -> list[str]:
    """The words that a text is encoded as."""
    known = ["pad", "begin", "?", *WORDS]
    return [known[i] for i in VOCABULARY.encode(text).ids]


def test_text_is_normalised() -> None:
    assert _words("Sea, SEA\nséa… l'Aube d’une") == [
        "begin",
        "sea",
        "sea",
        "sea",
        "l",
        "aube",
        "d",
        "?",
    ]
    assert _words("") == ["begin"]


def test_decomposed_accents_are_the_same_word() -> None:
    assert VOCABULARY.encode("se\u0301a") == VOCABULARY.encode("séa") == VOCABULARY.encode("sea")


def test_unknown_words_come_back_as_typed_once_and_in_order() -> None:
    encoded = VOCABULARY.encode("a Château of balloons, DRAGONS; château 海の夕日 🌊 हिन्दी")
    assert encoded.unknown == ("Château", "DRAGONS", "海の夕日", "🌊", "हिन्दी")
    assert encoded.ids.count(UNKNOWN) == 6
    assert encoded.cut == 0


def test_number_falls_back_to_the_form_that_is_known() -> None:
    assert _words("prairies peak seas balloones") == ["begin", "prairie", "peaks", "sea", "balloon"]
    assert VOCABULARY.encode("as").unknown == ("as",)


def test_a_long_prompt_is_cut_and_says_so() -> None:
    encoded = VOCABULARY.encode("sea " * (MAX_WORDS + 7))
    assert len(encoded.ids) == MAX_WORDS + 1
    assert encoded.cut == 7


def test_suggestions() -> None:
    assert VOCABULARY.suggest("Baloons") == "balloons"
    assert VOCABULARY.suggest("dragon") is None
    assert VOCABULARY.suggest("") is None


def test_a_vocabulary_survives_a_checkpoint() -> None:
    again = Vocabulary.from_list(VOCABULARY.to_list())
    assert again.encode("a sea") == VOCABULARY.encode("a sea")
    assert len(again) == len(WORDS) + 3


@pytest.mark.parametrize("broken", [None, ["a", 1], ["a", "a"], "abc"])
def test_a_broken_vocabulary_is_refused(broken: object) -> None:
    with pytest.raises(ModelError, match="vocabulary"):
        Vocabulary.from_list(broken)


def test_a_batch_is_padded() -> None:
    ids = Vocabulary.batch([Encoded((1, 5, 6)), Encoded((1,))])
    assert ids.tolist() == [[1, 5, 6], [1, 0, 0]]
    assert VOCABULARY.null_ids().tolist() == [[1]]


def test_padding_does_not_change_the_vectors() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(TextConfig(len(VOCABULARY), dim=32, layers=2, heads=4)).eval()
    short, long = VOCABULARY.encode("a sea"), VOCABULARY.encode("balloons of prairie sea a mer")
    context, mask = encoder(Vocabulary.batch([short, long]))
    alone, alone_mask = encoder(Vocabulary.batch([short]))
    assert context.shape == (2, 7, 32)
    assert mask.sum(1).tolist() == [3, 7]
    assert alone_mask.all()
    torch.testing.assert_close(context[:1, :3], alone)


def test_word_order_matters() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(TextConfig(len(VOCABULARY), dim=32)).eval()
    one, two = (encoder(Vocabulary.batch([VOCABULARY.encode(t)]))[0] for t in ("a sea", "sea a"))
    assert not torch.allclose(one[0, 1], two[0, 2], atol=1e-3)


def test_the_longest_prompt_fits_and_the_encoder_is_small() -> None:
    vocabulary = 1000
    encoder = TextEncoder(TextConfig(vocabulary)).eval()
    context, _ = encoder(Vocabulary.batch([VOCABULARY.encode("sea " * 200)]))
    assert context.shape == (1, MAX_WORDS + 1, 256)
    assert sum(p.numel() for p in encoder.parameters()) < 1.5e6
