import subprocess
import sys
from pathlib import Path

import pytest

from pleinair.diffusion.model.vocabulary import MAX_WORDS, UNKNOWN, Vocabulary, vocabulary_of
from pleinair.errors import ModelError
from pleinair.settings import SHIPPED_WEIGHTS

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


def test_the_words_of_a_model_are_read_without_torch() -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from pleinair.diffusion.model.vocabulary import vocabulary_of;"
        "words = vocabulary_of(Path(sys.argv[1]) / 'pleinair-1.safetensors');"
        "print(*words.encode('a lighthouse and a Castle').unknown, 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, SHIPPED_WEIGHTS], check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == ["Castle", "False"]


@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        vocabulary_of(path)
