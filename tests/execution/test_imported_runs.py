"""Runs of W&B and TensorBoard, by the names of their fields made arms and seeds of a sweep."""

import json
from pathlib import Path

import pandas
import pytest
from conftest import ablate, refused
from tensorboardX import SummaryWriter

LAWS = ["--metric", "val/loss", "--mode", "min", "--baseline", "adam"]
ARMS = {"adam": 0.0, "sgd": 0.5}


def history(arm: str, seed: int, steps: int = 5) -> list[dict]:
    """What scan_history() gives of a run: training at each step, the loss at each second one."""
    rows = []
    for step in range(steps):
        row = {"_step": step, "_runtime": 1.5 * step, "train/loss": 3.0 - step}
        if step % 2 == 0:
            row["val/loss"] = 2.0 - step / 10 + ARMS[arm] + seed / 128 * (1 + ARMS[arm])
        rows.append(row)
    return rows


def wandb_folder(top: Path) -> Path:
    """Histories in every form, with a config beside each or above it."""
    writers = {
        0: ("json", lambda rows, path: path.write_text(json.dumps(rows))),
        1: ("csv", lambda rows, path: pandas.DataFrame(rows).to_csv(path)),
        2: ("jsonl", lambda rows, path: path.write_text("\n".join(map(json.dumps, rows)))),
    }
    for arm in ARMS:
        for seed, (end, write) in writers.items():
            (top / arm).mkdir(parents=True, exist_ok=True)
            write(history(arm, seed), top / arm / f"run{seed}.{end}")
            config = {"optimizer": {"name": arm}, "seed": {"value": seed, "desc": None}}
            (top / arm / f"run{seed}.config.json").write_text(json.dumps(config))
    return top


def events_folder(top: Path) -> Path:
    """As Lightning leaves them: event files, and the hyperparameters beside them."""
    for arm in ARMS:
        for seed in range(3):
            folder = top / f"{arm}_{seed}"
            with SummaryWriter(str(folder)) as writer:
                for row in history(arm, seed):
                    for name in row.keys() & {"train/loss", "val/loss"}:
                        writer.add_scalar(name, row[name], row["_step"])
            (folder / "hparams.yaml").write_text(f"optimizer:\n  name: {arm}\nseed: {seed}\n")
    return top


def imported(*words: object, folder: Path) -> dict:
    done = ablate("import", *LAWS, *words, "--json", "--storage", folder / "runs")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def finals(document: dict) -> dict[str, list[float]]:
    return {row["arm"]: row["values"] for row in document["leaderboard"]["rows"]}


EXPECTED = {arm: [history(arm, s)[-1]["val/loss"] for s in range(3)] for arm in ARMS}


@pytest.mark.parametrize(("kind", "make"), [("wandb", wandb_folder), ("tb", events_folder)])
def test_folders_of_runs_become_a_sweep_by_the_fields_of_their_configs(tmp_path, kind, make):
    source = make(tmp_path / kind)
    told = imported(source, "--arm-field", "optimizer.name", folder=tmp_path)
    exactly = {arm: pytest.approx(values) for arm, values in EXPECTED.items()}
    assert told["sweep"] == kind and finals(told) == exactly and not told["notes"]
    rows = {row["arm"]: row for row in told["leaderboard"]["rows"]}
    assert rows["sgd"]["verdict"] == "worse" and rows["sgd"]["steps"] == 4
    assert rows["sgd"]["metrics"]["train/loss"] == [-1.0, -1.0, -1.0]
    assert imported(source, "--arm-field", "optimizer.name", folder=tmp_path) == told
    ablate("report", kind, "--to", tmp_path / "r.html", "--storage", tmp_path / "runs")
    command = f"ablate import {kind} --name {kind} --metric val/loss --mode min --baseline adam"
    page = (tmp_path / "r.html").read_text()
    assert command in page and "--arm-field optimizer.name --seed-field seed" in page


def test_arms_of_several_fields_are_named_as_those_of_a_grid(tmp_path):
    told = ablate(
        "import", wandb_folder(tmp_path / "w"), "--arm-field", "optimizer.name,run_name",
        "--metric", "val/loss", "--mode", "min", "--storage", tmp_path / "runs",
    )  # fmt: skip
    assert "baseline must be one of name=adam run_name=adam/run0, name=adam run_name" in told.stderr


def test_all_histories_in_one_file_are_told_apart_by_its_columns(tmp_path):
    frames = [
        pandas.DataFrame(history(arm, seed)).assign(arm=arm, seed=seed, run_id=f"{arm}{seed}")
        for arm in ARMS
        for seed in range(3)
    ]
    pandas.concat(frames).to_parquet(tmp_path / "all.parquet")
    assert finals(imported(tmp_path / "all.parquet", folder=tmp_path)) == EXPECTED


def test_chart_and_table_of_the_page_are_joined_by_the_names_of_runs(tmp_path):
    """The CSV of a chart has a column per run; the one of the runs' table has their configs."""
    chart = pandas.DataFrame({"Step": [0, 2, 4]})
    table = []
    for arm in ARMS:
        for seed in range(3):
            values = [row["val/loss"] for row in history(arm, seed)[::2]]
            name = f"{arm}-sweep-{seed}"
            chart[f"{name} - _step"] = [0, 2, 4]
            chart[f"{name} - val/loss"] = values
            chart[f"{name} - val/loss__MIN"] = [values[0] - 0.1, *values[1:]]
            chart[f"{name} - val/loss__MAX"] = values
            table.append({"Name": name, "State": "finished", "arm": arm, "seed": seed})
    table.append({"Name": "of another project", "State": "running", "arm": "adam", "seed": 9})
    table[0]["State"] = "crashed"
    chart.to_csv(tmp_path / "wandb_export_1.csv", index=False)
    pandas.DataFrame(table).to_csv(tmp_path / "table.csv", index=False)
    runs = ["--runs", tmp_path / "table.csv"]
    told = imported(tmp_path / "wandb_export_1.csv", *runs, folder=tmp_path)
    assert told["notes"] == [
        "1 runs of table.csv have no history: of another project",
        "6 values of the chart are means of several: scan_history() has them as they were logged",
    ]
    adam, sgd = sorted(told["leaderboard"]["rows"], key=lambda row: row["arm"])
    assert sgd["values"] == EXPECTED["sgd"] and adam["statuses"] == ["failed", *["finished"] * 2]
    assert (adam["failed"], sgd["verdict"]) == (1, "undecided")
    assert any("as recorded: the run is crashed" in note for note in told["leaderboard"]["notes"])


def test_table_of_runs_alone_has_their_last_values(tmp_path):
    rows = [
        {"name": f"{arm}{s}", "state": "finished", "config": {"arm": arm, "seed": s},
         "summary": {"val/loss": EXPECTED[arm][s], "_step": 4}}
        for arm in ARMS for s in range(3)
    ]  # fmt: skip
    pandas.DataFrame(rows).to_csv(tmp_path / "project.csv")  # which writes dicts as Python does
    words = [tmp_path / "project.csv", "--from", "wandb"]
    assert finals(imported(*words, folder=tmp_path)) == EXPECTED


def test_names_of_runs_and_hyperparameters_in_events_tell_fields(tmp_path):
    """`add_hparams` writes a folder inside the run's own, which is no run of its own."""
    for seed in range(2):
        with SummaryWriter(str(tmp_path / "logs" / f"adam-s{seed}")) as writer:
            for step in range(3):
                writer.add_scalar("val/loss", 1.0 + seed, step)
            writer.add_hparams({"width": 64, "seed": 77}, {"hparam/best": 1.0})
    name = ["--run-name", "{arm}-s{seed}"]
    told = imported(tmp_path / "logs", *name, "--arm-field", "arm,width", "--baseline",
                    "arm=adam width=64", folder=tmp_path)  # fmt: skip
    assert finals(told) == {"arm=adam width=64": [1.0, 2.0]}
    assert told["notes"][0].startswith("2 runs left out, holding others or lying in one: adam-s0/")


def test_what_is_left_out_is_counted_and_told(tmp_path):
    source = wandb_folder(tmp_path / "w")
    rows = [*history("sgd", 0), {"_step": 5, "train/loss": 0.5}]
    rows[1] |= {"picture": {"_type": "image-file"}, "grad": "Infinity"}
    rows.insert(1, {**rows[0], "val/loss": 9.0})
    (source / "sgd/run0.json").write_text(json.dumps(rows))
    (source / "old").mkdir()
    (source / "old/hparams.yaml").write_text("!!python/object:no.such {}")
    (source / "old/a.json").write_text(json.dumps(history("adam", 0)))
    where = ["--arm-field", "optimizer.name", "--where", "run_name!=old/a"]
    told = imported(source, *where, "--last-step", 2, folder=tmp_path)
    assert [note.replace(f"{source}/", "") for note in told["notes"][1:]] == [
        "1 values that were logged again at their step: the last one counts",
        "1 runs with 'picture' that is no number, which is left out",
        "1 run of 7 left out by --where",
        "1 points after the last val/loss of their runs left out",
        "1 values of metrics beside val/loss that are not finite left out",
        "12 points beyond step 2 left out",
    ]
    assert (
        "hparams.yaml: its fields are not known, it must be YAML of plain values"
        in (told["notes"][0])
    )
    assert told["leaderboard"]["rows"][0]["steps"] == 2
    ablate("report", "w", "--to", tmp_path / "r.html", "--storage", tmp_path / "runs")
    assert "12 points beyond step 2 left out" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("name", "rows", "words", "law"),
    [
        ("a.json", history("adam", 0), [], "run 'a': must have the field 'arm', has run_name; na"),
        ("a.json", [{"_step": 0, "loss": 1}], [], "metric must be one of loss, got val/loss"),
        ("a.json", [{"_step": 0.5, "val/loss": 1}], [], "_step must be whole numbers from 0, got"),
        ("a.json", [{"val/loss": 1}], [], "a: must have a column of steps, _step or step or Step"),
        ("a.json", [], [], "a.json: must have rows, has none"),
        ("a.json", [1], [], "a.json: must be JSON of rows, got: its rows are no objects"),
        ("a.json", history("adam", 0), ["--where", "x=1"], "--where must name a field of its runs"),
        ("a.json", history("adam", 0), ["--where", "x"], "--where x: must be FIELD=VALUE,VALUE or"),
        ("a.json", history("adam", 0), ["--run-name", "{arm}-s{seed}"], "run 'a': must be called"),
        ("a.json", history("adam", 0), ["--run-name", "x"], "--run-name 'x': must name fields in"),
        (
            "a.json",
            [{"arm": "adam", "seed": "x", "_step": 0, "val/loss": 1}],
            [],
            "run 'a/adam/x': seed must be a whole number from 0, got 'x'; name another with",
        ),
        (
            "a.json",
            [{"arm": "adam", "seed": 0, "state": "running", "_step": 0, "val/loss": 1}],
            [],
            "run 'a/adam/0': must have ended, is running; wait for it, or leave it out with --whe",
        ),
        (
            "a.json",
            [{"arm": "adam", "seed": 0, "id": i, "_step": 0, "val/loss": 1} for i in "xy"],
            [],
            "runs 'a/x/adam/0' and 'a/y/adam/0': must differ in arm or seed, are both 'adam', 0;",
        ),
        (
            "a.json",
            [
                {"arm": "adam", "seed": 0, "id": i, "state": s, "_step": 0, "val/loss": 1}
                for i, s in (("x", "crashed"), ("y", "finished"))
            ],
            [],
            "add a field to --arm-field or choose with --where, such as state!=crashed",
        ),
        (
            "a.json",
            [{"arm": "adam", "seed": s, "_step": 4 + s, "val/loss": 1} for s in (0, 1)],
            [],
            "must end at step 5 as the arm's other seeds do, ends at 4: unfinished; compl",
        ),
        (
            "a.json",
            [
                {"arm": "adam", "seed": 0, "_step": 0, "val/loss": 1},
                {"arm": "adam", "seed": 1, "_step": 0, "train/loss": 1},
            ],
            [],
            "run 'a/adam/1': must have val/loss, has train/loss; leave it out with --where",
        ),
    ],
)
def test_what_is_no_sweep_is_refused_in_one_line(tmp_path, name, rows, words, law):
    (tmp_path / name).write_text(json.dumps(rows))
    line = refused("import", tmp_path / name, *LAWS, *words, "--storage", tmp_path / "runs")
    assert law in line
    assert not list((tmp_path / "runs").rglob("*.json"))


def test_a_value_that_is_no_number_fails_its_run(tmp_path):
    rows = [{"arm": "adam", "seed": 0, "_step": s, "val/loss": v} for s, v in ((0, 1), (1, "NaN"))]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    told = imported(tmp_path / "a.json", folder=tmp_path)
    assert any(
        "val/loss must be finite, got nan at step 1" in n for n in told["leaderboard"]["notes"]
    )


def test_files_that_cannot_be_read_are_named(tmp_path):
    place = ["--storage", tmp_path / "runs"]
    torn = events_folder(tmp_path / "logs")
    file = next((torn / "adam_0").glob("*tfevents*"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    told = imported(torn, "--arm-field", "optimizer.name", "--last-step", 2, folder=tmp_path)
    assert told["notes"][0] == f"{file.name} is cut off: what stands before counts"
    file.write_bytes(b"\xff" * 400)
    assert f"{file}: must be an event file of TensorBoard, got: it has no whole record" in refused(
        "import", torn, *LAWS, *place
    )
    (tmp_path / "broken.json").write_text("[{")
    assert "broken.json: must be JSON of rows, got: Expecting" in refused(
        "import", tmp_path / "broken.json", *LAWS, *place
    )
    assert "none.jsonl: must be a file that can be read, got: No such file" in refused(
        "import", tmp_path / "none.jsonl", *LAWS, *place
    )
    (tmp_path / "empty").mkdir()
    assert "must hold histories (.csv, .json" in refused(
        "import", tmp_path / "empty", *LAWS, *place
    )
    assert "must be an MLflow by http://, https:// or sqlite:///, a file or a folder, got s3" in (
        refused("import", "s3://bucket/x", *LAWS, *place)
    )
