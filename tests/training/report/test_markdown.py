from training.report.markdown import markdown
from training.report.section import Histogram, Section, Table, Text


def test_sections_are_headings_paragraphs_and_tables() -> None:
    table = Table(("measure", "test"), (("accuracy", "0.9"), ("shape", Histogram((1,), ""))), "On 9 rows.")

    text = markdown("Model m", "Good.", [Section("How well", (Text("It is."), table))]).decode()

    assert text == (
        "# Model m\n\nGood.\n\n## How well\n\nIt is.\n\n"
        "| measure | test |\n| --- | --- |\n| accuracy | 0.9 |\n| shape |  |\n\nOn 9 rows.\n"
    )


def test_no_text_becomes_markup_or_breaks_a_table() -> None:
    text = markdown("<script>", "a\n# b", [Section("x", (Table(("a|b",), (("`*_[x](y)",),)),))]).decode()

    assert "\\<script\\>" in text
    assert "\n# b" not in text
    assert "a\\|b" in text
    assert "\\`\\*\\_\\[x\\](y)" in text
