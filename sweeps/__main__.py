"""Joins the studies of this folder, the data ingesters and readers with the command line."""

from pathlib import Path
from typing import Any

from infra.cli import Ingester, ablate
from infra.study.locate import Studies


def _ingest_ct(source: Path, to: Path, hu_divided_by_ten: bool, **options: Any) -> Any:
    from trainables.ct.ingest.ingest import ingest_ct

    return ingest_ct(source, to, hu_divisor=10 if hu_divided_by_ten else 1, **options)


def _ingest_portraits(source: Path, to: Path, aspect_buckets: bool, **options: Any) -> Any:
    from trainables.portrait.ingest.ingest import ingest_portraits

    beside, require = options.pop("beside"), options.pop("require")
    return ingest_portraits(
        source,
        to,
        shapes="aspect" if aspect_buckets else "square",
        beside=Path(beside) if beside else None,
        require=tuple(name.strip() for name in require.split(",") if name.strip()),
        **options,
    )


def _ingest_ruby(source: Path, to: Path, **options: Any) -> Any:
    from trainables.ruby.ingest.ingest import ingest_ruby

    return ingest_ruby(source, to, **options)


def _ingest_text(source: Path, to: Path, **options: Any) -> Any:
    from trainables.lm.ingest import ingest_text

    return ingest_text(source, to, **options)


def _script_study(path: Path) -> Any:
    from ablate.script_file import study_of

    return study_of(path)


def _read_events(path: Path) -> Any:
    from trainables.script.events import all_events

    return all_events(path)


_TEMPLATES = Path(__file__).parent.parent / "ablate" / "templates"
STUDIES = Studies(
    {path.stem: path for path in Path(__file__).parent.glob("[!_]*.py")},
    readers={".toml": _script_study},
    templates={
        "study": {"NAME.py": _TEMPLATES / "study.py.txt"},
        "script": {
            "train.py": _TEMPLATES / "train.py.txt",
            "NAME.toml": _TEMPLATES / "study.toml.txt",
        },
    },
)
INGESTERS = {
    "ct": Ingester(
        help="CT (NIfTI, DICOM series, folders of 16-bit PNG slices) to Parquet of HU slices",
        run=_ingest_ct,
        options={
            "--hu-divided-by-ten": {
                "action": "store_true",
                "help": "divide HU by ten, as the documented loader did by mistake",
            },
            "--validation-fraction": {
                "type": float,
                "default": 0.1,
                "metavar": "F",
                "help": "share of series held out for evaluation (default: 0.1)",
            },
        },
    ),
    "portraits": Ingester(
        help="pictures (PNG, JPEG, WebP), with captions, joints, segmentation and features beside "
        "them where there are any, to Parquet of portraits",
        run=_ingest_portraits,
        options={
            "--size": {
                "type": int,
                "default": 128,
                "metavar": "PX",
                "help": "side of the square bucket; a run may read them smaller (default: 128)",
            },
            "--aspect-buckets": {
                "action": "store_true",
                "help": "give each the nearest of the seven documented shapes (default: square)",
            },
            "--beside": {
                "default": "",
                "metavar": "DIR",
                "help": "where what is known of each picture lies (default: in the source)",
            },
            "--text": {
                "choices": ("auto", "minilm", "t5", "none"),
                "default": "auto",
                "help": "whose states of captions are kept (default: MiniLM's, with its weights)",
            },
            "--landmarks": {
                "choices": ("auto", "given", "mtcnn", "none"),
                "default": "auto",
                "help": "where joints come from (default: given ones, else MTCNN with its weights)",
            },
            "--require": {
                "default": "",
                "metavar": "A,B",
                "help": "leave out what has no captions, pose, segmentation or features",
            },
            "--split": {
                "choices": ("auto", "folder", "name"),
                "default": "auto",
                "help": "what is kept on one side (default: a folder, if there are several)",
            },
            "--validation-fraction": {
                "type": float,
                "default": 0.1,
                "metavar": "F",
                "help": "share of folders or portraits held out for evaluation (default: 0.1)",
            },
            "--keep-duplicates": {
                "action": "store_true",
                "help": "keep equal pictures, and nearly equal ones across the split",
            },
        },
    ),
    "ruby": Ingester(
        help="Ruby sources, or rows of methods as .jsonl, to Parquet of methods with their trees",
        run=_ingest_ruby,
        options={
            "--split": {
                "choices": ("gem", "file", "row"),
                "default": "gem",
                "help": "what is kept on one side (default: gem)",
            },
            "--validation-fraction": {
                "type": float,
                "default": 0.1,
                "metavar": "F",
                "help": "share of gems, files or rows held out for evaluation (default: 0.1)",
            },
            "--keep-duplicates": {
                "action": "store_true",
                "help": "keep every copy of a method, as the documented data did",
            },
        },
    ),
    "text": Ingester(
        help="text files to token shards as FineWeb's, with a tokenizer trained on them",
        run=_ingest_text,
        options={
            "--vocab": {
                "type": int,
                "default": 1024,
                "metavar": "N",
                "help": "pieces of the tokenizer (default: 1024)",
            },
            "--validation-fraction": {
                "type": float,
                "default": 0.1,
                "metavar": "F",
                "help": "share of documents held out for evaluation (default: 0.1)",
            },
        },
    ),
}


def main() -> int:
    """The console script."""
    return ablate(STUDIES, INGESTERS, read_events=_read_events)


if __name__ == "__main__":
    raise SystemExit(main())
