"""A classifier's tokenizer, learnt from the texts that it is trained on, in files that Hugging Face's libraries read.

Rule: no text is without tokens of its own, in whatever script, as what has none is spelt in bytes; of a text that is
too long the end is not read.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor

from training import readable_json
from training.models.encoder import NOTHING

PAD, CLS, SEP = SPECIAL = ("[PAD]", "[CLS]", "[SEP]")  # tokens 0, 1 and 2


def learn(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE of at most `vocab_size` tokens, blind to case."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}",
        pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
        special_tokens=[(token, number) for number, token in enumerate(SPECIAL)],
    )
    return tokenizer


def tokens(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> Tensor:
    """Int64 [texts, the longest's tokens, at most `most`], filled up with `NOTHING`."""
    cut = Tokenizer.from_str(tokenizer.to_str())
    cut.enable_truncation(most)
    ids = [torch.tensor(encoding.ids) for encoding in cut.encode_batch(list(texts))]
    return torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=NOTHING)


def files(tokenizer: str, most: int, sizes: Mapping[str, Any], labels: Sequence[str]) -> dict[str, bytes]:
    """Beside the model, whose `sizes` are those of a BertConfig; they also say that texts are cut to `most` tokens."""
    config = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        **sizes,
        "pad_token_id": SPECIAL.index(PAD),
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
    }
    tokens = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "cls_token": CLS,
        "sep_token": SEP,
        "model_max_length": most,
    }
    return {
        "tokenizer.json": tokenizer.encode(),
        "tokenizer_config.json": readable_json.encode(tokens),
        "config.json": readable_json.encode(config),
        "sentence_bert_config.json": readable_json.encode({"max_seq_length": most}),
    }
