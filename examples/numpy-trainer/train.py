#!/usr/bin/python3
"""A trainer for ringrift in numpy: reads samples.npz, learns, writes a model that the built-in self-play and evaluation use.

The contract is ringrift-workload(7); docs/trainer.md explains the formats that appear here. The network is the built-in one; of its
inputs this trainer learns the planes and the scalars, and of its policy the rows that follow from a move's index alone. What it does
not learn stays zero, which the built-in network takes as "not used".
"""

import hashlib
import json
import os
import signal
import sys
import time

import numpy as np

PATTERNS = 645  # inputs that the built-in network counts itself; their weights stay 0
GLOBALS, CLASSES, PLAYERS = 20, 25, 4
SQUARE = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
HEX = [(1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1)]
DEFAULTS = {"epochs": 4, "batch_size": 256, "learning_rate": 0.002, "hidden": 64, "hidden2": 32, "value_weight": 1.0}


class BadJob(Exception):
    """The job or its input is wrong and stays wrong: exit 65."""


class Stopped(Exception):
    """SIGTERM: exit 75, and another attempt begins anew."""


def stop(*_):
    raise Stopped("told to stop")


class Board:
    """Cells in ringrift's order (x, then y), their place in the planes, and the next cell in each direction."""

    def __init__(self, config_key):
        name, players = config_key.rsplit("_", 1)
        self.players = int(players.rstrip("p"))
        low, high = {"square8": (0, 7), "square19": (0, 18), "hex8": (-4, 4), "hexagonal": (-12, 12)}[name]
        square = name.startswith("square")
        span = range(low, high + 1)
        cells = [(x, y) for x in span for y in span if square or low <= -x - y <= high]
        self.cells, self.side = len(cells), high - low + 1
        number = {xy: n for n, xy in enumerate(cells)}
        self.rows, self.cols = np.array([y - low for _, y in cells]), np.array([x - low for x, _ in cells])
        self.directions = SQUARE if square else HEX
        self.step = [[number.get((x + dx, y + dy), -1) for dx, dy in self.directions] for x, y in cells]

    def policy_rows(self):
        """For each policy index the rows that score it (those that do not depend on the position), and the number of all rows.

        Index blocks: placement (cell, rings 3), movement and capture (from, direction, distance), recovery (from, direction, mode 4),
        line (cell, direction, option 3), territory (cell, border 4), elimination (cell), forced elimination (cell), 9 bare moves.
        """
        n, d, reach = self.cells, len(self.directions), self.side - 1
        base_from = 27 + 8 * n
        ray = base_from + 3 * n
        total = ray + 2 * d * reach + 8 * CLASSES + 3 * CLASSES + CLASSES + 16
        blocks = [(1, 3), (d, reach), (d, reach), (d, 4), (d, 3), (1, 4), (1, 1), (1, 1)]
        first_kind = [0, 3, 4, 5, 9, 12, 16, 17]
        table = []
        for group, (directions, details) in enumerate(blocks):
            for cell in range(n):
                for direction in range(directions):
                    for detail in range(details):
                        kind = first_kind[group] + (0 if group in (1, 2) else detail)
                        rows, to = [kind], cell
                        if group in (1, 2, 3):
                            for _ in range(1 if group == 3 else detail + 1):
                                if self.step[to][direction] < 0:
                                    break
                                to = self.step[to][direction]
                            rows.append(base_from + (group - 1) * n + cell)
                            if group != 3:
                                rows.append(ray + ((group - 1) * d + direction) * reach + detail)
                        rows.append(27 + group * n + to)
                        table.append(rows + [total] * (4 - len(rows)))
        table += [[18 + bare, total, total, total] for bare in range(9)]
        return np.array(table), total


class Samples:
    """One sample file, checked."""

    def __init__(self, path, config_key, board, rules_version):
        z = np.load(path, allow_pickle=False)
        expected = {"config_key": config_key, "encoder_type": "ringrift-planes", "encoder_version": "1", "policy_encoding": "ringrift-moves-1"}
        for name, wanted in expected.items():
            if str(z[name]) != wanted:
                raise BadJob(f"{path}: array {name} is {z[name]}, expected {wanted}")
        self.rules_version = int(z["rules_version"]) if "rules_version" in z else 1
        if rules_version is not None and self.rules_version != rules_version:
            raise BadJob(f"{path}: rules version {self.rules_version}, the job is for {rules_version}")
        planes = z["features"][:, :, board.rows, board.cols]
        self.x = planes.reshape(len(planes), -1)
        self.g = z["globals"]
        who, p = z["current_players"][:, None] - 1, board.players
        seats = (who + np.arange(p)) % p
        # The values of the players relative to the mover: 0 is the mover, 1 the next one.
        self.values = np.take_along_axis(0.5 * (z["values_mp"] + z["search_values"]), seats, axis=1)
        self.offsets, self.indices, self.probabilities = z["policy_offsets"], z["policy_indices"], z["policy_values"]

    def __len__(self):
        return len(self.x)


class Network:
    """first.cells and first.globals → ReLU → second → ReLU → tanh value of each relative player, and a score for each policy row."""

    def __init__(self, board, first, second, random):
        self.board = board
        self.table, rows = board.policy_rows()
        planes = 9 * board.players + 2
        draw = lambda scale, *shape: random.uniform(-scale, scale, shape).astype(np.float32)
        zeros = lambda *shape: np.zeros(shape, np.float32)
        self.p = {
            "first.cells": draw(0.1, planes * board.cells, first),
            "first.globals": draw(0.3, GLOBALS, first),
            "first.bias": zeros(first),
            "second.weight": draw((6 / first) ** 0.5, first, second),
            "second.bias": zeros(second),
            "value.weight": draw(0.1, PLAYERS, second),
            "value.bias": zeros(PLAYERS),
            # The last row stands for "no row" and stays zero.
            "policy.rows": np.concatenate([draw(0.02, rows, second), zeros(1, second)]),
            "policy.bias": zeros(rows + 1),
        }
        self.mean = {name: np.zeros_like(w) for name, w in self.p.items()}
        self.square = {name: np.zeros_like(w) for name, w in self.p.items()}
        self.steps = 0

    def loss(self, s, batch, value_weight, learn):
        """The mean loss of a batch of sample numbers; with `learn` also the gradients."""
        p, n = self.p, len(batch)
        x, g, wanted = s.x[batch], s.g[batch], s.values[batch]
        z1 = x @ p["first.cells"] + g @ p["first.globals"] + p["first.bias"]
        a1 = np.maximum(z1, 0)
        z2 = a1 @ p["second.weight"] + p["second.bias"]
        a2 = np.maximum(z2, 0)
        k = self.board.players
        value = np.tanh(a2 @ p["value.weight"][:k].T + p["value.bias"][:k])
        # The moves of all samples of the batch, one after the other; `owner` says whose each one is.
        spans = [np.arange(s.offsets[i], s.offsets[i + 1]) for i in batch]
        moves = np.concatenate(spans)
        owner = np.repeat(np.arange(n), [len(span) for span in spans])
        rows, target = self.table[s.indices[moves]], s.probabilities[moves]
        scores = a2 @ p["policy.rows"].T + p["policy.bias"]
        logits = scores[owner[:, None], rows].sum(1)
        top = np.full(n, -np.inf, np.float32)
        np.maximum.at(top, owner, logits)
        weights = np.exp(logits - top[owner])
        sums = np.bincount(owner, weights, n)
        share = weights / sums[owner]
        policy_loss = -np.sum(target * np.log(share + 1e-12)) / n
        value_loss = np.sum((value - wanted) ** 2) / (n * k)
        if not learn:
            return policy_loss, value_loss, None
        d_scores = np.zeros_like(scores)
        np.add.at(d_scores, (owner[:, None], rows), ((share - target) / n)[:, None])
        d_scores[:, -1] = 0
        d_value = np.zeros((n, PLAYERS), np.float32)
        d_value[:, :k] = value_weight * 2 * (value - wanted) * (1 - value**2) / (n * k)
        d2 = (d_scores @ p["policy.rows"] + d_value @ p["value.weight"]) * (z2 > 0)
        d1 = (d2 @ p["second.weight"].T) * (z1 > 0)
        grads = {
            "first.cells": x.T @ d1, "first.globals": g.T @ d1, "first.bias": d1.sum(0),
            "second.weight": a1.T @ d2, "second.bias": d2.sum(0),
            "value.weight": d_value.T @ a2, "value.bias": d_value.sum(0),
            "policy.rows": d_scores.T @ a2, "policy.bias": d_scores.sum(0),
        }
        return policy_loss, value_loss, grads

    def step(self, grads, rate):
        """One step of Adam."""
        self.steps += 1
        for name, grad in grads.items():
            m, v = self.mean[name], self.square[name]
            m += 0.1 * (grad - m)
            v += 0.001 * (grad * grad - v)
            self.p[name] -= (rate * (m / (1 - 0.9**self.steps)) / (np.sqrt(v / (1 - 0.999**self.steps)) + 1e-8)).astype(np.float32)

    def tensors(self):
        """The model's tensors by name, with zeros where this trainer learns nothing."""
        out = {name: w[:-1] if name.startswith("policy.") else w for name, w in self.p.items()}
        out["first.cells"] = np.concatenate([out["first.cells"], np.zeros((PATTERNS, out["first.cells"].shape[1]), np.float32)])
        return out


def write_model(path, tensors, metadata):
    """A safetensors file: the header's length (8 bytes), the header (JSON), the data (float32, C order, little-endian)."""
    header, data, at = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    write(path, len(text).to_bytes(8, "little") + text + b"".join(data))


def write(path, content):
    """Whole or not at all."""
    with open(path + ".tmp", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".tmp", path)


def verified(file):
    """The path of an input whose hash is the one that the job names."""
    digest = hashlib.sha256()
    with open(file["path"], "rb") as content:
        for chunk in iter(lambda: content.read(1 << 20), b""):
            digest.update(chunk)
    if digest.hexdigest() != file["sha256"]:
        raise BadJob(f"{file['path']} has SHA-256 {digest.hexdigest()}, the job names {file['sha256']}")
    return file["path"]


def report(done, total, message, metrics):
    """One line of progress, if there is a runner to hear it."""
    descriptor = os.environ.get("RINGRIFT_REPORT_FD")
    line = {"progress": {"done": done, "total": total, "unit": "epochs", "message": message, "metrics": metrics}}
    if descriptor:
        os.write(int(descriptor), json.dumps(line).encode() + b"\n")


def train(job, output):
    begun = time.monotonic()
    params = {**DEFAULTS, **job.get("params", {})}
    unknown = sorted(set(params) - set(DEFAULTS) - {"lr_multiplier"})
    if unknown:
        raise BadJob(f"unknown parameter {unknown[0]}; known are {', '.join(sorted(DEFAULTS))}, lr_multiplier")
    if job["job_type"] != "training":
        raise BadJob(f"this command trains, the job is {job['job_type']}")
    if not job["inputs"]["samples"]:
        raise BadJob("inputs.samples is empty: there is nothing to learn from")
    board = Board(job["config_key"])
    files = [Samples(verified(f), job["config_key"], board, job.get("rules_version")) for f in job["inputs"]["samples"]]
    random = np.random.default_rng(job["seed"])
    network = Network(board, int(params["hidden"]), int(params["hidden2"]), random)
    size, rate = int(params["batch_size"]), params["learning_rate"] * params.get("lr_multiplier", 1.0)
    epochs, final = int(params["epochs"]), 0.0
    for epoch in range(epochs):
        total, count = 0.0, 0
        for s in files:
            order = random.permutation(len(s))
            for at in range(0, len(s), size):
                batch = order[at : at + size]
                policy, value, grads = network.loss(s, batch, params["value_weight"], learn=True)
                network.step(grads, rate)
                total, count = total + (policy + params["value_weight"] * value) * len(batch), count + len(batch)
        final = float(total / count)
        if not np.isfinite(final):
            raise BadJob("the loss is no longer a number; lower learning_rate")
        report(epoch + 1, epochs, "learning", {"train_loss": final})
    metadata = {
        "format": "ringrift-model-1",
        "config_key": job["config_key"],
        "encoder_version": "1",
        "rules_version": str(files[0].rules_version),
        "generation": "1",
        "samples": ",".join(f["sha256"] for f in job["inputs"]["samples"]),
        "job_id": job["job_id"],
        "trainer": "numpy",  # a key of our own: readers leave alone what they do not know
    }
    path = os.path.join(output, "model.safetensors")
    write_model(path, network.tensors(), metadata)
    content = open(path, "rb").read()
    model = {"kind": "model", "path": "model.safetensors", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "meta": {}}
    seconds = time.monotonic() - begun
    samples = sum(len(s) for s in files)
    # Counts are integers: 10.0 would be refused.
    metrics = {"epochs": epochs, "final_loss": final, "samples_trained": samples * epochs, "duration_seconds": seconds, "trainer": "numpy"}
    result = {"schema": 1, "artefacts": [model], "metrics": metrics}
    write(os.path.join(output, "result.json"), json.dumps(result).encode())


def main():
    signal.signal(signal.SIGTERM, stop)
    try:
        with open(os.environ["RINGRIFT_JOB_FILE"], encoding="utf-8") as file:
            job = json.load(file)
        train(job, os.environ["RINGRIFT_OUTPUT_DIR"])
    except BadJob as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 65
    except Stopped as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(main())
