"""Settings from files and from the command line: what they make, and what is said of those that are wrong."""

import msgspec
import pytest

from rgnn_jax.config import from_json, load_experiment, override, to_json
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError
from rgnn_jax.tasks.build import build_model

MINIMAL = '[model]\nkind = "lstm"\n[data]\nkind = "text"\n'


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "some.toml"
    path.write_text(MINIMAL)
    return path


def test_dashes_and_underscores_mean_the_same(config):
    one = load_experiment(config, [("optimizer.learning-rate", "1e-2"), ("training.max-seconds", "7")])
    other = load_experiment(config, [("optimizer.learning_rate", "0.01"), ("training.max_seconds", "7")])
    assert one == other
    assert one.optimizer.learning_rate == 0.01 and one.training.max_seconds == 7


def test_milestones_may_be_one_or_several(config):
    for text, milestones in {
        "10": (10,),
        "[10]": (10,),
        "1,2.5": (1, 2.5),
        "[3, 4]": (3, 4),
        "[]": (),
    }.items():
        assert load_experiment(config, [("training.milestones", text)]).training.milestones == milestones


def test_lists_are_written_as_in_a_file_or_plainly(tmp_path):
    path = tmp_path / "pair.toml"
    path.write_text('[model]\nkind = "dcgan"\n[data]\nkind = "images"\n')
    for text in ('["colour", "cutout"]', "colour,cutout", "[colour, cutout]"):
        assert load_experiment(path, [("model.augment", text)]).model.augment == ("colour", "cutout")
    with pytest.raises(UserError, match="use one of colour, translation, cutout"):
        load_experiment(path, [("model.augment", "colours")])


def test_none_takes_a_limit_away_and_is_a_word_elsewhere(config):
    given = [("training.steps", "3"), ("training.steps", "none"), ("data.path", "none")]
    experiment = load_experiment(config, given)
    assert experiment.training.steps is None and experiment.data.path == "none"


def test_a_path_that_is_no_utf_8_is_refused(config):
    with pytest.raises(UserError, match="not UTF-8"):
        load_experiment(config, [("data.path", "caf\udce9.txt")])


def test_a_path_may_hold_a_comma(config):
    assert load_experiment(config, [("data.path", "war, peace.txt")]).data.path == "war, peace.txt"


def test_json_gives_the_same_experiment_back(config):
    experiment = load_experiment(config, [("training.epochs", "3"), ("model.width", "5")])
    assert from_json(to_json(experiment), "config.json") == experiment


def test_a_tcn_of_no_levels_covers_the_window(config):
    settings = [("model.kind", "tcn"), ("model.levels", "0"), ("data.window", "100")]
    experiment = load_experiment(config, settings)
    assert experiment.model.receptive_field >= 100
    levels = experiment.model.levels
    assert msgspec.structs.replace(experiment.model, levels=levels - 1).receptive_field < 100


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("training.steps", "0", ">= 1 at `training.steps`, got '0'"),
        ("training.steps", "nan", "at `training.steps`, got 'nan'"),
        ("training.steps", "1.5", "got '1.5'"),
        ("training.steps", "", "got ''"),
        ("training.steps", "99999999999999999999", "<= 2147483647"),
        ("training.seed", "-1", "`training.seed`"),
        ("training.milestones", "1,x", "milestones"),
        ("training.compute_dtype", "float16", "use one of auto, float32, bfloat16"),
        ("optimizer.learning_rate", "nan", "got 'nan'"),
        ("optimizer.learning_rate", "inf", "got 'inf'"),
        ("optimizer.learning_rat", "1", "did you mean `learning_rate`"),
        ("optimizer.kind", "sgd", "use one of adamw, muon"),
        ("optimiser.learning_rate", "1", "--optimizer.FIELD"),
        ("training.", "1", "no such setting"),
        ("training.a.b", "1", "no field `a.b`"),
        ("model.kind", "rnn", "use one of lstm, gru, tcn, transformer"),
        ("model.dropout", "1", "`model.dropout`"),
        ("model.layers", "0", "`model.layers`"),
        ("data.kind", "sound", "use one of text"),
        ("data.lower", "maybe", "`data.lower`"),
        ("data.test_fraction", "0.97", "leave text to train on"),
    ],
)
def test_a_wrong_setting_is_named(config, name, value, complaint):
    with pytest.raises(UserError) as error:
        load_experiment(config, [(name, value)])
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_a_contradiction_is_said_of_the_settings_that_make_it(config):
    with pytest.raises(UserError) as error:
        load_experiment(config, [("data.validation-fraction", "0.5"), ("data.test_fraction", "0.5")])
    assert str(error.value) == (
        f"{config} with --data.validation-fraction, --data.test_fraction: "
        "data.validation_fraction and data.test_fraction must leave text to train on"
    )


def test_a_field_of_another_kind_is_refused_with_the_kind(config):
    with pytest.raises(UserError, match=r"\[model\] of kind tcn has no field `width`"):
        load_experiment(config, [("model.kind", "tcn"), ("model.width", "8")])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "missing required field `model`"),
        (b"[model", "not valid TOML"),
        (b"\xff\xfe", "cannot be read as a TOML file"),
        (b"model = 3", "`model`"),
        (b'[model]\nwidth = 3\n[data]\nkind = "text"', "`kind`"),
        (MINIMAL.encode() + b"[trainings]\nsteps = 1", "did you mean `training`"),
        (MINIMAL.encode().replace(b"lstm", b"transformer") + b"[training]\nsteps = true", "training.steps"),
    ],
)
def test_a_wrong_file_is_named(config, content, complaint):
    config.write_bytes(content)
    with pytest.raises(UserError) as error:
        load_experiment(config)
    assert complaint in str(error.value) and str(config) in str(error.value)


def test_a_value_where_a_section_belongs_is_refused_before_it_is_set(config):
    config.write_text("model = 3")
    with pytest.raises(UserError, match=r"no section \[model\]"):
        load_experiment(config, [("model.width", "3")])


def test_a_missing_file_suggests_its_neighbour(config):
    with pytest.raises(UserError, match=r"did you mean .*some\.toml"):
        load_experiment(config.with_name("sme.toml"))


@pytest.mark.parametrize(
    "settings",
    [
        [("model.heads", "3"), ("model.width", "8")],
        [("model.feed_forward", "-3")],
        [("model.context", "8"), ("data.window", "9")],
    ],
)
def test_a_transformer_that_cannot_be_is_refused(config, settings):
    with pytest.raises(UserError, match="model"):
        build_model(
            load_experiment(config, [("model.kind", "transformer"), *settings]), Vocabulary("abcdefg")
        )


def test_a_model_that_cannot_read_the_data_is_refused(config):
    with pytest.raises(UserError, match=r"`mlp_vae` cannot learn from data.kind `text`; .* one of lstm, gru"):
        load_experiment(config, [("model.kind", "mlp_vae"), ("model.width", "8")][:1])


def test_a_damaged_config_names_its_file(config):
    content = to_json(load_experiment(config))
    with pytest.raises(UserError, match=r"run/config\.json"):
        from_json(content[:-9], "run/config.json")


def test_override_validates_again(config):
    experiment = load_experiment(config)
    assert override(experiment, [("data.path", "x.txt")]).data.path == "x.txt"
    with pytest.raises(UserError, match=r"data\.window"):
        override(experiment, [("data.window", "0")])
