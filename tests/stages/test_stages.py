"""The stages one after the other, without DVC: TIMIT as distributed, and a corpus without any label."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from speech_factorization.features.archives import Archive
from speech_factorization.phones.folds import load_fold
from tests.stages.workspace import Workspace, spoken

CHANGES = {
    "p_target_before",
    "p_target_after",
    "delta_target",
    "p_other_before",
    "p_other_after",
    "delta_other",
}
RESYNTHESIS = {"files", "rmse", "pesq_wb", "pesq_nb_raw", "stoi", "estoi", "si_sdr"}
BLOCKS = {"manipulation", "manipulation_second_judge", "manipulation_third_judge"}
MANIPULATION = BLOCKS | {f"{block}_reconstructed" for block in BLOCKS}
MANIPULATION |= {"manipulation_strength", "manipulation_of_utterances", "distance"}
CODES = {"leak", "leak_mlp", "separation"}
OF_SEGMENTS = {"manipulation", "strength", "distance", "picture", "utterances", "representation"}
OF_VOWELS = {"distribution", "sampling", "interpolation", "denoising", "lda", "directions"}
OF_WAVES = {"coding", "conversion", "pitch_conversion"}
OF_UTTERANCES = {"resynthesis", "trajectories", "sequence_code"}
ABOUT = {
    "model",
    "corpus",
    "scale",
    "seed",
    "epochs",
    "best_epoch",
    "phone_times",
    "scored",
    "parameters",
    "not_answered",
}


def leaves(nested: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every leaf."""
    if isinstance(nested, dict):
        for name, value in nested.items():
            yield from leaves(value, f"{key}.{name}".strip("."))
    else:
        yield key, nested


def test_corpus_and_its_splits(timit: Workspace) -> None:
    table = timit.table("corpus/utterances.csv")
    columns = ["utterance", "speaker", "sex", "split", "speaker_split", "samples", "rate", "text"]
    assert list(table) == columns
    assert set(table["rate"]) == {16_000}
    assert len(table) == len(spoken()) == 40
    assert table["samples"].tolist() != []
    assert sorted(table["samples"]) == sorted(len(item.wave) for item in spoken())
    assert set(table["text"]) == {item.text for item in spoken()}
    assert "fajw0" in set(table["speaker"])
    # Between speakers: disjoint, half women.
    speakers = table.groupby("speaker").first()
    assert (table.groupby("speaker")["speaker_split"].nunique() == 1).all()
    assert speakers["speaker_split"].value_counts().to_dict() == {"train": 4, "valid": 2, "test": 2}
    assert (speakers.groupby("speaker_split")["sex"].apply(lambda sex: (sex == "F").mean()) == 0.5).all()
    # Within each speaker: by sentence.
    sentence = table["utterance"].str.partition("_")[2]
    parts = {name: set(part) for name, part in table.groupby(sentence)["split"]}
    assert parts == {
        "sx3": {"train"}, "sx93": {"train"}, "sx183": {"train"}, "sx273": {"valid"}, "sx363": {"test"}
    }  # fmt: skip
    summary = timit.json("prepared/corpus/summary.json")
    assert summary["labelled"] == 40
    assert summary["labels"] == sum(len(item.labels) for item in spoken())
    assert summary["words"] == sum(len(item.words) for item in spoken())
    assert not any(summary["refused"].values())


def test_phones_alignment_and_segments(timit: Workspace) -> None:
    fold, utterances = load_fold("timit"), timit.table("corpus/utterances.csv")
    labels = timit.table("phones/labels.csv")
    assert list(labels) == ["utterance", "position", "symbol", "unit", "phone", "begin", "end"]
    assert set(labels["phone"]) <= set(fold.classes)
    counts = timit.table("phones/counts.csv")
    assert counts["count"].sum() == len(labels)
    alignment = timit.table("alignment/alignment.csv")
    assert list(alignment) == ["utterance", "position", "unit", "phone", "begin", "end"]
    # Pauses are given: the same units, contiguous from the beginning of each utterance to its end.
    assert alignment["unit"].tolist() == labels["unit"].tolist()
    assert alignment["begin"].tolist() != labels["begin"].tolist()
    samples = utterances.set_index("utterance")["samples"]
    for name, rows in alignment.groupby("utterance"):
        edges = [*rows["begin"], samples[name]]
        assert edges == [0, *rows["end"]]
    segments = timit.table("segments/segments.csv")
    assert list(segments) == [
        "segment", "utterance", "position", "phone", "speaker", "sex", "split", "speaker_split",
        "begin", "end", "centre",
    ]  # fmt: skip
    assert segments["segment"].is_unique
    assert len(segments) == (alignment["phone"] != "sil").sum()
    assert ((segments["begin"] + segments["end"]) // 2 == segments["centre"]).all()
    joined = segments.merge(utterances, on="utterance")
    for column in ("speaker", "sex", "split", "speaker_split"):
        assert joined[f"{column}_x"].equals(joined[f"{column}_y"])


def test_alignment_and_judges_are_reported(timit: Workspace) -> None:
    metrics = timit.json("metrics/alignment.json")
    measures = {"within_10ms", "within_20ms", "within_50ms", "median_ms", "boundaries"}
    assert measures <= set(metrics)
    assert measures == set(metrics["held_out_speakers"])
    assert 0 < metrics["held_out_speakers"]["boundaries"] < metrics["boundaries"]
    assert metrics["within_50ms"] > 0.5
    assert (metrics["phone_times"], metrics["pauses"], metrics["refused"]) == ("forced", "given", 0)
    assert metrics["narrow_band"] == 0
    metrics = timit.json("metrics/judges.json")
    for family in ("mlp", "cnn", "knn", "chance"):
        assert set(metrics[family]) == {"phone", "speaker"}
    for family in ("vowel", "vowel_chance"):
        assert set(metrics[family]) == {"phone", "sex", "speaker"}
    assert set(metrics["verification"]) == {"eer", "cosine_same", "cosine_different"}
    assert metrics["knn"]["phone"] > metrics["chance"]["phone"]
    assert metrics["not_answered"] == {}


def test_spectrograms(timit: Workspace) -> None:
    prepared = timit.folder / "prepared/spectrograms"
    segments = timit.table("segments/segments.csv")
    archive = Archive(prepared / "segments/segments")
    assert list(archive) == segments["segment"].tolist()
    assert {matrix.shape for matrix in archive.values()} == {(20, 200)}
    vowels = timit.table("spectrograms/vowels/vowels.csv")
    archive = Archive(prepared / "vowels/vowels")
    assert list(archive) == vowels["segment"].tolist()
    assert set(vowels["phone"]) == set(timit.values["corpus"]["vowels"])
    assert all(len(archive[row.segment]) <= 288 for row in vowels.itertuples())
    assert {matrix.shape[1] for matrix in archive.values()} == {257}
    archive = Archive(prepared / "utterances/utterances")
    assert list(archive) == timit.table("corpus/utterances.csv")["utterance"].tolist()
    assert {int(np.abs(wave.astype(int)).max()) for wave in archive.values()} == {32767}


def test_training(timit: Workspace) -> None:
    for name, kind in (("vae", "utterances"), ("segment_vae", "segments")):
        about = timit.json(f"checkpoints/{name}/about.json")
        assert about["hyperparameters"] == timit.values["hp"][name]
        assert (about["corpus"], about["scale"], about["epochs"]) == ("timit", "smoke", 1)
        factors = {factor["name"]: factor["classes"] for factor in about["data"]["factors"]}
        assert set(factors) == ({"phone", "speaker"} if kind == "segments" else set())
        curves = pd.read_csv(timit.folder / f"checkpoints/{name}/curves.csv")
        assert len(curves) == timit.values["train"][kind]["epochs"]
        assert {"epoch", "train_loss", "valid_loss", "train_kl", "valid_kl"} <= set(curves)
    assert not list((timit.folder / "scratch").rglob("state"))


def test_metrics_of_models(timit: Workspace) -> None:
    found = {name: timit.json(f"metrics/{name}.json") for name in ("identity", "segment_vae", "vae")}
    assert set(found["vae"]) == ABOUT | {"likelihood", "resynthesis", "codes"}
    assert set(found["segment_vae"]) == ABOUT | {"likelihood"} | MANIPULATION | CODES
    oracle = {f"{block}_oracle" for block in BLOCKS}
    assert set(found["identity"]) == ABOUT | {"resynthesis"} | MANIPULATION | CODES | oracle
    for name in ("identity", "vae"):
        assert set(found[name]["resynthesis"]) == RESYNTHESIS
        assert found[name]["resynthesis"]["files"] == 2
    assert found["identity"]["resynthesis"]["rmse"] < found["vae"]["resynthesis"]["rmse"]
    assert set(found["vae"]["likelihood"]) == {"reconstruction", "kl", "elbo", "beta", "of"}
    assert set(found["segment_vae"]["likelihood"]) == {
        "reconstruction", "kl", "elbo", "beta", "bits_per_dim", "of"
    }  # fmt: skip
    for name in ("identity", "segment_vae"):
        for block in BLOCKS:
            assert {factor: set(changes) for factor, changes in found[name][block].items()} == {
                "phone": CHANGES, "speaker": CHANGES
            }  # fmt: skip
    others = OF_VOWELS | {"vowel_reconstruction"} | OF_WAVES
    assert set(found["vae"]["not_answered"]) == OF_SEGMENTS | {"sequence_code"} | others
    assert set(found["segment_vae"]["not_answered"]) == OF_UTTERANCES | others
    for key, value in leaves(found):
        assert isinstance(value, int | float) or (isinstance(value, str) and len(value) < 120), key
        assert "seconds" not in key


def test_metrics_of_the_model_of_vowels(timit: Workspace) -> None:
    found = timit.json("metrics/glow.json")
    assert set(found) == ABOUT | OF_VOWELS | {"likelihood", "reconstruction"}
    assert set(found["not_answered"]) == OF_SEGMENTS | OF_UTTERANCES | OF_WAVES
    bits = found["distribution"]
    # The same vowels with other noise.
    assert found["likelihood"]["bits_per_dim"] == pytest.approx(bits["glow"]["bits"], abs=0.1)
    assert bits["ppca"]["bits"] < bits["spectrogram"]["bits"]
    assert found["reconstruction"]["glow"]["largest"] < 1e-3
    for kind in ("vowel", "sex", "speaker"):
        assert set(found["interpolation"][kind]) >= {"glow", "ppca", "spectrogram"}
        assert 0 <= found["interpolation"][kind]["glow"]["monotonicity"] <= 1


def test_metrics_of_the_model_of_waves(timit: Workspace) -> None:
    found = timit.json("metrics/speech_resynthesis.json")
    assert set(found) == ABOUT | OF_WAVES | {"content_units", "generator"}
    assert found["coding"]["lossless"] == 1.0
    assert {"ours", "original", "world", "opus_6000"} <= set(found["coding"]["systems"])
    assert set(found["pitch_conversion"]) == {"utterances", "reconstruction", "flatten", "shift", "swap"}
    assert (
        found["conversion"]["unchanged_seen"]["nearest_target"]
        < found["conversion"]["original"]["nearest_target"]
    )
    units = timit.json("metrics/units.json")
    assert {"kmeans", "vqvae", "cpc"} <= set(units)
    about = timit.json("checkpoints/speech_resynthesis/about.json")
    assert [about["data"]["parts"][name]["kind"] for name in ("units", "pitch", "speaker")] == [
        "kmeans", "pitch_vqvae", "speaker_network"
    ]  # fmt: skip


def test_inputs_name_what_each_model_is_trained_on(timit: Workspace, copied: Callable[[], Workspace]) -> None:
    read = {name: set(timit.json(f"prepared/inputs/{name}.json")) for name in ("vae", "fdnf", "glow")}
    spectrograms = "prepared/spectrograms"
    assert read == {
        "vae": {f"{spectrograms}/utterances"},
        "fdnf": {f"{spectrograms}/segments", "prepared/segments"},
        "glow": {f"{spectrograms}/vowels"},
    }
    workspace = copied()
    workspace.change(hp={"speech_resynthesis": {"units": "vqvae"}})
    workspace.do("inputs")
    changed = {
        path.stem
        for path in (workspace.folder / "prepared/inputs").iterdir()
        if path.read_bytes() != (timit.folder / "prepared/inputs" / path.name).read_bytes()
    }
    assert changed == {"speech_resynthesis"}


def test_tables_hold_the_metrics_and_the_report_the_tables(timit: Workspace) -> None:
    tables = timit.folder / "tables"
    names = ("alignment", "codes", "dynamical", "dynamical_claims", "factorization_claims")
    names += ("judges", "manipulation", "representation", "units", "coding", "coding_rates", "conversion")
    names += ("pitch_conversion", "resynthesis_claims", "vowels", "vowel_claims")
    assert sorted(path.name for path in tables.iterdir()) == sorted(
        f"{name}.{ending}" for name in names for ending in ("csv", "md", "tex")
    )
    vae, segment_vae = timit.json("metrics/vae.json"), timit.json("metrics/segment_vae.json")
    assert "Ours: corpus timit, scale smoke." in (tables / "dynamical.md").read_text(encoding="utf-8")
    dynamical = pd.read_csv(tables / "dynamical.csv", index_col=0)
    assert list(dynamical.index) == ["identity", "vae"]
    assert dynamical.loc["vae", "RMSE"] == vae["resynthesis"]["rmse"]
    assert dynamical.loc["vae", "KL"] == vae["likelihood"]["kl"]
    manipulation = pd.read_csv(tables / "manipulation.csv", index_col=0)
    ours = manipulation[(manipulation["of"] == "ours, forced times") & (manipulation["judge"] == "MLP")]
    assert set(ours.index) == {"identity", "segment_vae", "oracle"}
    assert ours.loc["segment_vae", "delta speaker"] == segment_vae["manipulation"]["speaker"]["delta_target"]
    alignment = pd.read_csv(tables / "alignment.csv", index_col=0)
    assert alignment.loc["all speakers", "within_20ms"] == timit.json("metrics/alignment.json")["within_20ms"]
    page = (timit.folder / "report/index.html").read_text(encoding="utf-8")
    assert "corpus timit, scale smoke" in page
    assert page.count("<table>") == 16
    # identity has five, segment_vae four, vae two, alignment one, glow ten, speech_resynthesis five.
    assert page.count("data:image/png;base64,") == 27
    for name in ("identity", "vae"):
        assert (timit.folder / f"sounds/{name}/resynthesis.wav").is_file()
    for name in ("segment_phone", "segment_speaker_griffin_lim", "utterance_speaker"):
        assert (timit.folder / f"sounds/segment_vae/{name}.wav").is_file()
    assert {path.stem for path in (timit.folder / "logs").iterdir()} >= {"corpus", "train-vae", "report"}


def test_the_same_again_is_the_same(timit: Workspace, copied: Callable[[], Workspace]) -> None:
    again = copied()
    again.do(
        "alignment", "segments", "spectrograms@vowels", "judges", "train@segment_vae", "evaluate@segment_vae"
    )
    assert again.files() == timit.files()


def test_without_labels_everything_else_works(unlabelled: Workspace, tmp_path: Any) -> None:
    summary = unlabelled.json("prepared/corpus/summary.json")
    assert (summary["utterances"], summary["labelled"]) == (18, 0)
    assert summary["refused"]["labels"] == {"the label file is missing": 18}
    for table in ("phones/labels", "phones/counts", "alignment/alignment", "segments/segments"):
        assert unlabelled.table(f"{table}.csv").empty
    why = "the corpus has no labelled utterances"
    again = unlabelled.copy(tmp_path / "copy")
    said = again.prepare() | again.do("judges", "train@segment_vae")
    for name in ("phones", "alignment", "segments", "spectrograms@segments", "spectrograms@vowels"):
        assert "the result is empty" in said[name].err
        assert said[name].err.count("\n") == 1
        folder = again.folder / "prepared" / name.replace("@", "/")
        assert (folder / "empty.txt").read_text().strip() in said[name].err
    assert f"train: segment_vae is skipped: {why}" in said["train@segment_vae"].err
    assert again.json("metrics/alignment.json")["not_answered"] == {"alignment": why}
    judges = again.json("metrics/judges.json")
    assert set(judges["not_answered"]) == {"segments", "vowels"}
    assert set(judges["verification"]) == {"eer", "cosine_same", "cosine_different"}


def test_without_labels_models_answer_what_they_can(unlabelled: Workspace) -> None:
    segment_vae = unlabelled.json("metrics/segment_vae.json")
    assert "no labelled utterances" in segment_vae["not_answered"]["training"]
    assert not BLOCKS & set(segment_vae)
    assert not list((unlabelled.folder / "plots/segment_vae").iterdir())
    for name in ("identity", "vae"):
        metrics = unlabelled.json(f"metrics/{name}.json")
        assert set(metrics["resynthesis"]) >= {"files", "rmse", "si_sdr"}
        assert "manipulation" in metrics["not_answered"]
    assert "reconstruction" in unlabelled.json("metrics/vae.json")["likelihood"]
    dynamical = pd.read_csv(unlabelled.folder / "tables/dynamical.csv", index_col=0)
    assert list(dynamical.index) == ["identity", "vae"]
    assert (unlabelled.folder / "report/index.html").read_text().count("<table>") == 16


def test_labels_of_training_sentences_alone_are_no_segments_to_score(copied: Callable[[], Workspace]) -> None:
    workspace = copied()
    path = workspace.folder / "prepared/segments/segments.csv"
    segments = pd.read_csv(path)
    segments[segments["split"] == "train"].to_csv(path, index=False)
    why = "the corpus has no labelled utterances for valid and test (split)"
    said = workspace.do("judges", "train@segment_vae", "evaluate@segment_vae", "evaluate@identity")
    assert f"judges: segments is skipped: {why}" in said["judges"].err
    assert f"train: segment_vae is skipped: {why}" in said["train@segment_vae"].err
    assert workspace.json("metrics/segment_vae.json")["not_answered"] == {"training": why}
    identity = workspace.json("metrics/identity.json")
    assert identity["not_answered"]["manipulation"] == why
    assert "resynthesis" in identity


def test_labels_as_source_give_exactly_their_times(timit: Workspace, copied: Callable[[], Workspace]) -> None:
    workspace = copied()
    workspace.change(alignment={"source": "labels"})
    workspace.do("alignment", "segments")
    columns = ["utterance", "position", "unit", "phone", "begin", "end"]
    assert workspace.table("alignment/alignment.csv").equals(timit.table("phones/labels.csv")[columns])
    metrics, forced = workspace.json("metrics/alignment.json"), timit.json("metrics/alignment.json")
    assert metrics == forced | {"phone_times": "labels"}


def test_optional_pauses(copied: Callable[[], Workspace]) -> None:
    workspace = copied()
    workspace.change(alignment={"pauses": "optional"})
    workspace.do("alignment", "segments")
    pauses = workspace.json("metrics/alignment.json")["optional_pauses"]
    assert set(pauses) == {"pauses", "pauses_found", "pause_precision", "pause_recall"}
    assert pauses["pauses"] > 0
    found, labels = workspace.table("alignment/alignment.csv"), workspace.table("phones/labels.csv")
    sounding = [table.loc[table["phone"] != "sil", "unit"].tolist() for table in (found, labels)]
    assert sounding[0] == sounding[1]


@pytest.mark.parametrize("lost", ["words", "labels"])
def test_optional_pauses_without_times_are_those_of_the_labels(
    copied: Callable[[], Workspace], lost: str
) -> None:
    workspace = copied()
    workspace.change(alignment={"pauses": "optional"})
    path = workspace.folder / "prepared" / {"words": "corpus/words.csv", "labels": "phones/labels.csv"}[lost]
    table = pd.read_csv(path, keep_default_na=False)
    table[["begin", "end"]] = ""
    table.to_csv(path, index=False)
    workspace.do("alignment")
    metrics = workspace.json("metrics/alignment.json")
    if lost == "labels":
        assert metrics["not_answered"] == {"boundaries": "the corpus has no phone times to compare with"}
    else:
        assert metrics["optional_pauses"]["pause_precision"] == 1.0
