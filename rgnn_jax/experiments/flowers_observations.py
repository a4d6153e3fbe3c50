"""The document's observations on faces and flowers, each tested by a number."""

from rgnn_jax.experiments.flowers_results import FlowersResults, PictureModel
from rgnn_jax.experiments.picture_looks import Look
from rgnn_jax.experiments.report import Observation, tested_at, verdict

_BLURRED, _JUMP, _WORSE, _DIVERSE, _VARIED = 0.5, 2.0, 0.1, 2.0, 0.5


def observe(results: FlowersResults) -> tuple[Observation, ...]:
    """The document's observations; tiny models (scale smoke) test none of them."""
    faces, flowers = results.faces, results.flowers
    kept = {name: detail_kept(one.samples, one) for name, one in (("faces", faces), ("flowers", flowers))}
    sharp = {
        "faces": detail_kept(results.face_pair.samples, faces),
        "flowers": detail_kept(results.flower_pair.samples, flowers),
    }
    pair, walked = results.flower_pair, results.face_pair.jump
    failed = pair.samples.texture > flowers.samples.texture or pair.spread < _VARIED
    ratio = flowers.pictures.components / faces.pictures.components
    rows = (
        Observation(
            "Flowers: blurry.",
            f"Samples have {kept['flowers']:.0%} of the fine detail of photographs.",
            f"Power above an eighth of a cycle a pixel: {flowers.samples.sharpness:.2%} of samples, "
            f"{flowers.pictures.look.sharpness:.2%} of photographs (below half); faces {kept['faces']:.0%}",
            verdict(kept["flowers"] < _BLURRED),
        ),
        Observation(
            "Flowers are modelled worse than faces.",
            f"{'They' if flowers.explained < faces.explained - _WORSE else 'They hardly'} lose more.",
            f"Reconstructions keep {flowers.explained:.0%} of the variance of held-out flowers, "
            f"{faces.explained:.0%} of that of faces (lower by 10 points)",
            verdict(flowers.explained < faces.explained - _WORSE),
        ),
        Observation(
            "Faces: recognisable, and smooth between two of them.",
            f"A walk between faces {'is smooth' if faces.jump <= _JUMP else 'jumps'}.",
            f"The longest of ten steps is {faces.jump:.1f} times the mean one (at most {_JUMP:.0f}); "
            f"flowers {flowers.jump:.1f}",
            verdict(faces.jump <= _JUMP),
        ),
        Observation(
            "GAN sharper, VAE smoother and blurrier.",
            f"The GAN's faces have {sharp['faces']:.0%} of the fine detail of faces, the VAE's "
            f"{kept['faces']:.0%}.",
            f"Of flowers {sharp['flowers']:.0%} and {kept['flowers']:.0%} (the GAN's more in both)",
            verdict(sharp["faces"] > kept["faces"] and sharp["flowers"] > kept["flowers"]),
        ),
        Observation(
            "GAN: faces with artefacts, walks without jumps.",
            f"A walk between generated faces {'is smooth' if walked <= _JUMP else 'jumps'}.",
            f"The longest of ten steps is {walked:.1f} times the mean one (at most {_JUMP:.0f})",
            verdict(walked <= _JUMP),
        ),
        Observation(
            "GAN: flowers fail.",
            f"They {'do' if failed else 'do not'}, here.",
            f"Texture is {pair.samples.texture:.0f} from that of flowers, the VAE's "
            f"{flowers.samples.texture:.0f}; {pair.spread:.0%} as varied as real ones (farther than the VAE, "
            "or less than half as varied)",
            verdict(failed),
        ),
        Observation(
            "Uniform data train easily, small diverse data do not.",
            f"Flowers are {ratio:.1f} times as diverse as faces.",
            f"{flowers.pictures.components} principal components hold nine tenths of the variance of "
            f"flowers, {faces.pictures.components} of faces (from twice as many)",
            verdict(ratio >= _DIVERSE),
        ),
    )
    return tested_at(results.facts.scale, rows)


def detail_kept(samples: Look, model: PictureModel) -> float:
    """Fine detail of generated pictures as a share of that of the pictures that a model was trained on."""
    return samples.sharpness / max(model.pictures.look.sharpness, 1e-9)
