"""Small tokenizers of each kind that models come with, trained or written here in a moment."""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXT = [
    "The quick brown fox jumps over the lazy dog.  Two spaces, a\ttab\nand a new line.",
    "Grüße aus Köln, naïve café, Ελληνικά, русский текст, עברית, العربية.",
    "日本語のテキスト、中文文本, 한국어, 🙂 👩‍👩‍👧‍👦 🇫🇷 e\u0301 \u0928\u0940.",
    "def add(a, b):\n    return a + b\n",
]
SPECIAL = ("<s>", "</s>", "<|im_start|>", "<|im_end|>")


def byte_level(vocab_size: int = 400) -> Tokenizer:
    """GPT-2's, Llama 3's and Qwen's kind."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.add_tokens([AddedToken("<tool call>", normalized=False), AddedToken("naïve✓", normalized=False)])
    return tokenizer


def byte_fallback() -> Tokenizer:
    """Llama 2's, Mistral's and Gemma's kind: pieces of words, and bytes for the characters that are in none."""
    pieces = ["<unk>", *SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    letters = sorted({character for character in TEXT[0] + TEXT[1] if character not in " \t\n"} | {"▁"})
    words = ["he", "The", "▁T", "▁The", "qu", "▁▁", "do", "dog"]
    vocabulary = {piece: number for number, piece in enumerate([*pieces, *letters, *words])}
    merges = [("h", "e"), ("T", "he"), ("▁", "T"), ("▁T", "he"), ("q", "u"), ("▁", "▁"), ("d", "o"), ("do", "g")]
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def metaspace() -> Tokenizer:
    """T5's and XLM-R's kind."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<unk>", *SPECIAL], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def word_piece() -> Tokenizer:
    """BERT's kind."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s+"), "removed")
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=150, special_tokens=["[UNK]", *SPECIAL], show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def write(directory: Path, tokenizer: Tokenizer, **files: dict[str, Any]) -> Path:
    """`files` by name without `.json`, such as `tokenizer_config`."""
    tokenizer.save(str(directory / "tokenizer.json"))
    for name, document in files.items():
        (directory / f"{name}.json").write_text(json.dumps(document))
    return directory
