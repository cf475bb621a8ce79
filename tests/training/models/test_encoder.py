import pytest
import torch
import transformers

from training.models.encoder import EncoderConfig, FilledTexts, Pooling, TextClassifier, TextEmbedder

SIZES = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 40,
}
CONFIG = EncoderConfig(**SIZES)
IDS = torch.randint(100, (3, 9), generator=torch.Generator().manual_seed(1))
MASK = (torch.arange(9) < torch.tensor([[9], [4], [1]])).long()
TYPES = (torch.arange(9) > 2).long().expand(3, 9)


@pytest.fixture(scope="module")
def theirs() -> transformers.PreTrainedModel:
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**SIZES, num_labels=3)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def embedder(theirs: transformers.PreTrainedModel, pooling: Pooling, normalised: bool = False) -> TextEmbedder:
    model = TextEmbedder(CONFIG, pooling, normalised).eval()
    model.bert.load_state_dict({k: v for k, v in theirs.bert.state_dict().items() if not k.startswith("pooler.")})
    return model


@torch.inference_mode()
def test_what_it_makes_of_tokens_is_what_transformers_makes(theirs: transformers.PreTrainedModel) -> None:
    found = embedder(theirs, Pooling.CLS).bert(IDS, MASK, TYPES)

    expected = theirs.bert(input_ids=IDS, attention_mask=MASK, token_type_ids=TYPES).last_hidden_state
    torch.testing.assert_close(found[MASK == 1], expected[MASK == 1], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_pooling_takes_the_first_token_the_mean_or_the_largest_of_the_text_alone(
    theirs: transformers.PreTrainedModel,
) -> None:
    found = {pooling: embedder(theirs, pooling)(IDS, MASK, TYPES)[1] for pooling in Pooling}

    text = theirs.bert(input_ids=IDS[1:2, :4], token_type_ids=TYPES[1:2, :4]).last_hidden_state[0]
    expected = {Pooling.CLS: text[0], Pooling.MEAN: text.mean(0), Pooling.MAX: text.amax(0)}
    for pooling in Pooling:
        torch.testing.assert_close(found[pooling], expected[pooling], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_normalised_embeddings_have_length_1(theirs: transformers.PreTrainedModel) -> None:
    plain, normalised = (embedder(theirs, Pooling.MEAN, on)(IDS, MASK, TYPES) for on in (False, True))

    torch.testing.assert_close(normalised.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(normalised * plain.norm(dim=1, keepdim=True), plain)


@torch.inference_mode()
def test_a_row_without_any_text_has_numbers_all_the_same(theirs: transformers.PreTrainedModel) -> None:
    for pooling in Pooling:
        assert embedder(theirs, pooling, normalised=True)(IDS, torch.zeros_like(IDS), TYPES).isfinite().all()


@torch.inference_mode()
def test_labels_share_one_probability_or_have_each_their_own(theirs: transformers.PreTrainedModel) -> None:
    logits = theirs(input_ids=IDS, attention_mask=MASK, token_type_ids=TYPES).logits
    weights = {name.replace("bert.pooler.", "pooler."): tensor for name, tensor in theirs.state_dict().items()}

    for independent, expected in ((False, logits.softmax(-1)), (True, logits.sigmoid())):
        model = TextClassifier(CONFIG, 3, independent).eval()
        model.load_state_dict(weights)
        torch.testing.assert_close(model(IDS, MASK, TYPES), expected, rtol=1e-4, atol=1e-6)


@torch.inference_mode()
def test_as_it_is_trained_a_classifier_reads_what_is_no_filling() -> None:
    torch.manual_seed(0)
    model = FilledTexts(CONFIG, 3).eval()
    tokens = IDS.clamp(min=1) * MASK

    probabilities = model.classifier(tokens, MASK, torch.zeros_like(tokens))

    torch.testing.assert_close(model(tokens).softmax(-1), probabilities)
    assert model.classifier.bert.embeddings.word_embeddings.weight.std() < 0.03


@pytest.mark.parametrize("heads", [0, 3])
def test_each_head_has_as_much_of_the_width(heads: int) -> None:
    with pytest.raises(ValueError, match=f"hidden_size 32 must be a multiple of num_attention_heads {heads}"):
        EncoderConfig(**{**SIZES, "num_attention_heads": heads})
