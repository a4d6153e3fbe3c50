"""What the document says of autoencoders and VAEs of digits, each beside our numbers that decide it."""

from rgnn_jax.experiments.digits_results import DigitModel, DigitResults
from rgnn_jax.experiments.report import Observation, tested_at, verdict
from rgnn_jax.typography import number

AE, NONE, STRONG = "AE", "beta 0", "beta 10"

_KEPT = 0.95
_FAR = 3.0
_BLURRED = 0.8
_WORSE = 1.5


def observe(results: DigitResults) -> tuple[Observation, ...]:
    """The document's observations; tiny models (scale smoke) test none of them."""
    rows = (
        *_autoencoder(results),
        *_unregularised(results),
        *_strong(results),
        *_tuned(results),
        *_walks(results),
    )
    return tested_at(results.facts.scale, rows)


def _autoencoder(results: DigitResults) -> tuple[Observation, ...]:
    model, tuned = results.models[AE], results.models[results.tuned]
    kept = model.score.agreement >= _KEPT
    far = model.unit.distance >= _FAR * tuned.unit.distance
    return (
        Observation(
            "The autoencoder reconstructs nearly perfectly.",
            "Nearly all digits stay what they are." if kept else "Not all digits stay what they are.",
            f"The classifier gives {model.score.agreement:.1%} of the reconstructions the class of their "
            f"original (from {_KEPT:.0%}); squared error {model.score.mse:.4f} a pixel, "
            f"{model.score.mse / results.data.variance:.0%} of the variance",
            verdict(kept),
        ),
        Observation(
            "Its samples from a unit Gaussian are not digits, because its codes do not fill the prior.",
            f"They {_off(model, tuned)}.",
            f"{_distances(model.unit.distance, tuned.unit.distance, results)}; from a Gaussian fitted to the "
            f"codes {number(model.fitted.distance, 1)}",
            verdict(far),
        ),
    )


def _unregularised(results: DigitResults) -> tuple[Observation, ...]:
    model, tuned, ae = (results.models[name] for name in (NONE, results.tuned, AE))
    far = model.unit.distance >= _FAR * tuned.unit.distance
    as_sharp = model.score.mse <= _WORSE * ae.score.mse
    course = results.kl_course
    grows = course.last >= 2 * course.first
    return (
        Observation(
            "Beta 0 is like the autoencoder: good reconstructions, samples that are no digits.",
            f"Its reconstructions are {'as good as' if as_sharp else 'worse than'} the autoencoder's; its "
            f"samples {_off(model, tuned)}.",
            f"Squared error {model.score.mse:.4f} against {ae.score.mse:.4f} (up to {_WORSE:g} times); "
            f"{_distances(model.unit.distance, tuned.unit.distance, results)}",
            verdict(far and as_sharp),
        ),
        Observation(
            "At beta 0 the KL grows.",
            "It does." if grows else "It does not double.",
            f"Validation KL {number(course.first, 0)} nats at step {course.first_step:,}, "
            f"{number(course.last, 0)} at the end (from twice as much)",
            verdict(grows),
        ),
    )


def _strong(results: DigitResults) -> tuple[Observation, ...]:
    model, tuned = results.models[STRONG], results.models[results.tuned]
    blurred = model.score.sharpness <= _BLURRED * tuned.score.sharpness
    worse = model.score.mse >= _WORSE * tuned.score.mse
    return (
        Observation(
            "Beta 10 blurs.",
            "Its reconstructions are less sharp."
            if blurred
            else "Its reconstructions are hardly less sharp.",
            f"Sharpness {model.score.sharpness:.0%} of the originals', {tuned.score.sharpness:.0%} at "
            f"{results.tuned} (up to {_BLURRED:g} of that)",
            verdict(blurred),
        ),
        Observation(
            "Beta 10 regularises too much.",
            f"{model.score.active_units} of {model.score.z_dim} latent dimensions are in use, and the "
            f"reconstructions are {'much worse' if worse else 'not much worse'}.",
            f"Squared error {model.score.mse:.4f} against {tuned.score.mse:.4f} (from {_WORSE:g} times); "
            f"{model.score.agreement:.0%} of the digits stay what they are, against "
            f"{tuned.score.agreement:.0%}",
            verdict(worse),
        ),
    )


def _tuned(results: DigitResults) -> tuple[Observation, ...]:
    model = results.models[results.tuned]
    others = {name: results.models[name].unit.distance for name in (AE, NONE, STRONG)}
    kept = model.score.agreement >= _KEPT
    nearest = model.unit.distance < min(others.values())
    told = ", ".join(f"{number(value, 1)} {name}" for name, value in others.items())
    ours = (
        f"{results.tuned.capitalize()} {'reconstructs well' if kept else 'loses some digits'} and its "
        f"samples {'come nearest to the data' if nearest else 'do not come nearest to the data'}."
    )
    return (
        Observation(
            "A tuned beta is good in both.",
            ours,
            f"{model.score.agreement:.1%} of the digits stay what they are (from {_KEPT:.0%}); distance "
            f"{number(model.unit.distance, 1)} (below {told})",
            verdict(kept and nearest),
        ),
    )


def _walks(results: DigitResults) -> tuple[Observation, ...]:
    ae, vae = results.all_walks[AE], results.all_walks[results.tuned]
    smoother = vae.unevenness <= 0.95 * ae.unevenness
    surer, calmer = vae.sureness >= ae.sureness + 0.01, vae.changes <= ae.changes
    stabler = {
        (True, True): "On the way they are digits more often.",
        (True, False): "On the way they are surer digits, but change class more often.",
        (False, True): "On the way they change class no more often, but are no surer digits.",
        (False, False): "On the way they are no surer digits, and change class more often.",
    }
    codes, theirs = results.models[results.tuned].clusters, results.models[AE].clusters
    better = codes.knn_accuracy >= theirs.knn_accuracy + 0.005
    return (
        Observation(
            "The VAE's interpolations are smoother.",
            "They change more evenly." if smoother else "They hardly change more evenly.",
            f"Largest step {vae.unevenness:.2f} times the mean one, {ae.unevenness:.2f} in the autoencoder "
            f"(up to 0.95 of that; {vae.count} walks each)",
            verdict(smoother),
        ),
        Observation(
            "They are more stable.",
            stabler[surer, calmer],
            f"The classifier is {vae.sureness:.1%} sure on the way, {ae.sureness:.1%} in the autoencoder "
            f"(from 1 point more), and changes its mind {vae.changes:.2f} times a walk, {ae.changes:.2f} "
            "there (no more)",
            verdict(surer and calmer),
        ),
        Observation(
            "The VAE's codes are therefore better to learn from.",
            "Their neighbours are of one class more often."
            if better
            else "Their neighbours tell as much or less.",
            f"Class by {codes.neighbours} nearest codes: {codes.knn_accuracy:.1%} right, "
            f"{theirs.knn_accuracy:.1%} in the autoencoder (from 0.5 points more)",
            verdict(better),
        ),
    )


def _off(model: DigitModel, tuned: DigitModel) -> str:
    """Where samples lie, in words."""
    if model.unit.distance >= _FAR * tuned.unit.distance:
        return "lie off the data"
    if model.unit.distance > tuned.unit.distance:
        return f"lie further off than those of the tuned VAE, but not {_FAR:g} times as far"
    return "lie no further off than those of the tuned VAE"


def _distances(ours: float, tuned: float, results: DigitResults) -> str:
    told = f"{number(tuned, 1)} at {results.tuned} (from {_FAR:g} times that)"
    return f"Frechet distance {number(ours, 1)}, {told}"
