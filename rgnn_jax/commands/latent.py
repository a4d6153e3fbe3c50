"""`rgnn latent`: what a run learned about pictures, seen through its latent space."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rgnn_jax.commands.arguments import (
    add_command,
    add_json,
    add_run,
    add_temperature,
    count,
    index,
    indices,
    numbers,
    positive,
    print_json,
    seed,
    several,
)
from rgnn_jax.errors import UserError


def register(commands: Any) -> None:
    """Adds the command and its tools."""
    parser = add_command(
        commands,
        "latent",
        run,
        "Look into the latent space of a model of pictures; figures go to the run's figures/.",
        "rgnn latent faces rotate --index 0",
        takes_settings=True,
    )
    add_run(parser)
    tools = parser.add_subparsers(metavar="TOOL", required=True, dest="tool", parser_class=type(parser))
    _add(
        tools, "reconstruct", _reconstruct, "Pictures above what the decoder makes of their codes.", images=24
    )
    random = _add(tools, "random", _random, "Pictures of random codes.")
    random.add_argument("--count", type=count, default=64, help="pictures (default: 64)")
    random.add_argument(
        "--from", dest="source", choices=("prior", "codes"),
        help="N(0, 1), or a Gaussian fitted to the codes (default: prior; codes for an autoencoder)",
    )  # fmt: skip
    random.add_argument(
        "--class",
        dest="label",
        metavar="NAME",
        help="for a model that is told classes (default: all in turn)",
    )
    add_temperature(random)
    _add_traverse(_add(tools, "traverse", _traverse, "What each latent dimension does.", images=1))
    walk = _add(tools, "interpolate", _interpolate, "Walks between two pictures or two classes.", images=2)
    walk.add_argument(
        "--classes",
        action="append",
        default=[],
        metavar="A,B",
        help="between examples of two classes; repeatable",
    )
    walk.add_argument("--other", action="append", default=[], metavar="RUN", help="a run to show beside it")
    walk.add_argument("--random", type=count, metavar="N", help="N walks between random codes instead")
    walk.add_argument("--steps", type=several, default=10, help="pictures a walk (default: 10)")
    rotate = _add(tools, "rotate", _rotate, "Turn a face from left to right.", images=4)
    rotate.add_argument("--factor", help="the data's factor that is the turn (default: turn, yaw or azimuth)")
    rotate.add_argument(
        "--by", choices=("labels", "asymmetry"), help="how the direction is found (default: labels, if any)"
    )
    rotate.add_argument("--steps", type=several, default=9, help="pictures a strip (default: 9)")
    edit = _add(tools, "edit", _edit, "Add and remove attributes.", images=4)
    edit.add_argument(
        "--add", "--attribute", action="append", default=[], metavar="NAME",
        help="a class, a factor, or FACTOR=VALUE; repeatable",
    )  # fmt: skip
    edit.add_argument("--remove", action="append", default=[], metavar="NAME", help="likewise; repeatable")
    edit.add_argument(
        "--strengths", type=numbers, default=(-2.0, -1.0, 0.0, 1.0, 2.0), metavar="S,S,...",
        help="multiples of the attribute's vector (default: -2,-1,0,1,2)",
    )  # fmt: skip
    project = _add(tools, "project", _project, "Codes of held-out pictures on a plane.")
    project.add_argument("--method", choices=("pca", "tsne", "umap"), default="pca", help="default: pca")
    project.add_argument("--count", type=count, default=2000, help="pictures at most (default: 2000)")
    project.add_argument("--by", metavar="FACTOR", help="colours the points (default: the classes)")
    clusters = _add(tools, "clusters", _clusters, "Whether the classes lie apart.")
    clusters.add_argument("--by", metavar="FACTOR", help="whose values are the classes")
    clusters.add_argument("--neighbours", type=count, default=10, help="that vote (default: 10)")


def run(args: argparse.Namespace) -> int:
    """Runs the tool, writes its figures whole, and prints where they are."""
    from rgnn_jax.train.devices import set_up

    set_up(1)
    from rgnn_jax.train.run import write_atomically

    subject = _subject(args, args.name)
    folder = args.out or subject.run.directory.figures
    _check_writable(folder)
    shown = args.show(args, subject)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in shown.files.items():
            write_atomically(folder / name, content)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): choose another --out") from None
    paths = [str(folder / name) for name in shown.files]
    if args.json:
        print_json(
            {
                "run": str(subject.run.directory.path),
                "step": subject.run.step,
                "files": paths,
                **shown.numbers,
            }
        )
        return 0
    for name, value in shown.numbers.items():
        print(f"{name.replace('_', ' ')}: {f'{value:.4f}' if isinstance(value, float) else value}")
    for path in paths:
        print(path)
    return 0


def _check_writable(folder: Path) -> None:
    """Refuses a place where files cannot be kept before the work is done, and makes nothing."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(f"{folder} cannot be written: choose another --out")


def _add(
    tools: Any, name: str, show: Callable[..., Any], summary: str, *, images: int = 0
) -> argparse.ArgumentParser:
    """A tool with the arguments that all have; `images` is how many pictures it looks at by default."""
    parser: argparse.ArgumentParser = tools.add_parser(
        name, help=summary, description=summary, allow_abbrev=False
    )
    parser.set_defaults(show=show, prog=f"rgnn latent {name}", images=images)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where files go (default: the run's figures/)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of all that is random (default: 0)")
    add_json(parser)
    # Given before the tool's name or after it; where it is not given after, what stood before stays.
    parser.add_argument(
        "--ckpt-dir", type=Path, default=argparse.SUPPRESS, help="where runs live (default: ckpt)"
    )
    parser.add_argument("--step", default=argparse.SUPPRESS, help="checkpoint to use: latest, best or a step")
    if images:
        parser.add_argument(
            "--image",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="a picture of yours; repeatable",
        )
        parser.add_argument(
            "--index",
            type=index,
            action="append",
            default=[],
            help="a held-out picture, from 0 on; repeatable",
        )
    return parser


def _add_traverse(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="source", choices=("mean", "image"),
        help="the code that is walked from (default: mean; image where one is named)",
    )  # fmt: skip
    parser.add_argument(
        "--order", choices=("kl", "effect"), help="of the rows (default: kl; effect for an autoencoder)"
    )
    parser.add_argument(
        "--dimensions", type=indices, default=(), metavar="D,D,...", help="these only, in this order"
    )
    parser.add_argument("--rows", type=count, help="dimensions shown at most (default: 10)")
    parser.add_argument("--range", type=positive, default=3.0, help="to either side (default: 3)")
    parser.add_argument("--steps", type=several, default=10, help="pictures a row (default: 10)")


def _subject(args: argparse.Namespace, name: str) -> Any:
    from rgnn_jax.experiments.latent.subject import Subject
    from rgnn_jax.train.session import load_run

    return Subject.of(load_run(name, args.ckpt_dir, step=args.step), args.settings)


def _chosen(args: argparse.Namespace, subject: Any) -> Any:
    return subject.choose(args.image, args.index, count=args.images)


def _reconstruct(args: argparse.Namespace, subject: Any) -> Any:
    from rgnn_jax.experiments.latent.walks import reconstruct

    return reconstruct(subject, _chosen(args, subject))


def _random(args: argparse.Namespace, subject: Any) -> Any:
    import jax

    from rgnn_jax.experiments.latent.walks import random

    return random(
        subject,
        jax.random.key(args.seed),
        count=args.count,
        source=args.source,
        label=args.label,
        temperature=args.temperature or 1.0,
    )


def _traverse(args: argparse.Namespace, subject: Any) -> Any:
    from rgnn_jax.experiments.latent.walks import traversal

    named = bool(args.image or args.index)
    if named and args.source == "mean":
        raise UserError("--from mean starts from no picture: leave out --image and --index")
    if args.source == "mean" and not subject.reads:
        raise UserError(f"--from mean: run {args.name} has no encoder and so no mean code; leave it out")
    if len(args.image) + len(args.index) > 1:
        raise UserError("traverse walks from the code of one picture: give one of --image and --index")
    if args.dimensions and args.rows:
        raise UserError("--rows: --dimensions says which rows are shown; leave one of them out")
    image = _chosen(args, subject)[0] if named or args.source == "image" else None
    return traversal(
        subject, image, seed=args.seed, order=args.order, dimensions=args.dimensions,
        rows=args.rows or 10, reach=args.range, steps=args.steps,
    )  # fmt: skip


def _interpolate(args: argparse.Namespace, subject: Any) -> Any:
    import jax

    from rgnn_jax.experiments.latent.walks import interpolation, random_interpolation

    subjects = [subject, *(_subject(args, other) for other in args.other)]
    if args.classes and (args.image or args.index):
        raise UserError("--classes chooses the pictures: leave out --image and --index")
    if args.random:
        if args.classes or args.image or args.index or args.other:
            raise UserError("--random walks between random codes of one run: leave out pictures and --other")
        key = jax.random.key(args.seed)
        return random_interpolation(subject, key, count=args.random, steps=args.steps)
    pairs, names = [], []
    for place, classes in enumerate(args.classes):
        ends = classes.split(",")
        if len(ends) != 2:
            raise UserError(f"--classes {classes}: two classes are needed, such as 0,8")
        keys = jax.random.split(jax.random.fold_in(jax.random.key(args.seed), place))
        pairs.append(tuple(subject.example_of(end, key) for end, key in zip(ends, keys, strict=True)))
        names.append(" to ".join(ends))
    if not pairs:
        chosen = _chosen(args, subject)
        if len(chosen) != 2:
            raise UserError(f"a walk has two ends, not {len(chosen)}: give two of --image and --index")
        if (chosen[0] == chosen[1]).all():
            raise UserError("both ends of the walk are one picture: give another --image or --index")
        pairs = [(chosen[0], chosen[1])]
    return interpolation(subjects, pairs, names=names, steps=args.steps)


def _rotate(args: argparse.Namespace, subject: Any) -> Any:
    from rgnn_jax.experiments.latent.meanings import rotation

    return rotation(subject, _chosen(args, subject), factor=args.factor, by=args.by, steps=args.steps)


def _edit(args: argparse.Namespace, subject: Any) -> Any:
    from rgnn_jax.experiments.latent.meanings import edited

    images = _chosen(args, subject)
    return edited(subject, images, add=args.add, remove=args.remove, strengths=args.strengths)


def _project(args: argparse.Namespace, subject: Any) -> Any:
    from rgnn_jax.experiments.latent.maps import projected

    return projected(subject, method=args.method, count=args.count, by=args.by, seed=args.seed)


def _clusters(args: argparse.Namespace, subject: Any) -> Any:
    from rgnn_jax.experiments.latent.maps import clustered

    return clustered(subject, by=args.by, neighbours=args.neighbours, seed=args.seed)
