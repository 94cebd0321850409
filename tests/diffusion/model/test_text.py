import torch

from pleinair.diffusion.model.text import TextConfig, TextEncoder, batch
from pleinair.diffusion.model.vocabulary import MAX_WORDS, Encoded, Vocabulary

VOCABULARY = Vocabulary(
    ["1", "a", "aube", "balloon", "balloons", "d", "l", "mer", "of", "peaks", "prairie", "sea"]
)


def test_a_batch_is_padded() -> None:
    ids = batch([Encoded((1, 5, 6)), Encoded((1,))])
    assert ids.tolist() == [[1, 5, 6], [1, 0, 0]]


def test_padding_does_not_change_the_vectors() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(TextConfig(len(VOCABULARY), dim=32, layers=2, heads=4)).eval()
    short, long = VOCABULARY.encode("a sea"), VOCABULARY.encode("balloons of prairie sea a mer")
    context, mask = encoder(batch([short, long]))
    alone, alone_mask = encoder(batch([short]))
    assert context.shape == (2, 7, 32)
    assert mask.sum(1).tolist() == [3, 7]
    assert alone_mask.all()
    torch.testing.assert_close(context[:1, :3], alone)


def test_word_order_matters() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(TextConfig(len(VOCABULARY), dim=32)).eval()
    one, two = (encoder(batch([VOCABULARY.encode(t)]))[0] for t in ("a sea", "sea a"))
    assert not torch.allclose(one[0, 1], two[0, 2], atol=1e-3)


def test_the_longest_prompt_fits_and_the_encoder_is_small() -> None:
    vocabulary = 1000
    encoder = TextEncoder(TextConfig(vocabulary)).eval()
    context, _ = encoder(batch([VOCABULARY.encode("sea " * 200)]))
    assert context.shape == (1, MAX_WORDS + 1, 256)
    assert sum(p.numel() for p in encoder.parameters()) < 1.5e6
