"""Meshes to coefficients: the known ones come back, and the solution is the one that SciPy finds."""

import time

import machine
import numpy as np
import pytest
from scipy.optimize import lsq_linear

from fmg_rt import arkit
from fmg_train.datasets import rig, solve

from . import claire


def _solver(tmp_path, vertices=300, mask=None, **changes):
    neutral, moves = claire.shapes(vertices)
    claire.write_rig(tmp_path, neutral, moves, np.arange(vertices) if mask is None else mask, **changes)
    shapes = rig.read(tmp_path / "bs_skin.npz", tmp_path / "bs_skin_config.json")
    return solve.Solver(shapes), shapes, neutral, moves


def _mesh(neutral, moves, curves):
    return (neutral + np.einsum("tk,kvc->tvc", curves, moves)).astype(np.float32)


@pytest.mark.parametrize(("noise", "limit"), [(0.0, 0.005), (0.02, 0.02)])
def test_known_coefficients_come_back(tmp_path, noise, limit):
    """5 000 vertices; noise in cm, so 0.02 is 0.2 mm a coordinate."""
    solver, _, neutral, moves = _solver(tmp_path, 5_000)
    truth = claire.curves(240, 1)
    mesh = _mesh(neutral, moves, truth)
    mesh += (noise * np.random.default_rng(0).standard_normal(mesh.shape)).astype(np.float32)
    solver.solve([mesh[:3]])  # compiles
    start = time.process_time()
    found = solver.solve([mesh[i : i + 50] for i in range(0, 240, 50)])
    rate = len(mesh) / (time.process_time() - start)
    assert np.abs(found - truth).mean() <= limit
    assert found.min() >= 0 and found.max() <= 1 and found.dtype == np.float32
    assert rate >= 300 / machine.slowness(), f"{rate:.0f} frames/s of processor time"


def test_frame_by_frame_it_is_the_bounded_least_squares_solution(tmp_path):
    solver, shapes, neutral, moves = _solver(tmp_path, strengthL2regularization=0.3)
    rng = np.random.default_rng(2)
    mesh = _mesh(neutral, moves, rng.uniform(-0.4, 1.4, (6, 52)))  # beyond the bounds: many are met
    basis = shapes.shapes.reshape(52, -1).T.astype(float)
    rows = np.concatenate([basis, np.sqrt(shapes.l2) * np.eye(52)])
    for frame, found in zip(mesh, solver.solve([mesh]), strict=True):
        target = np.concatenate([(frame - neutral).ravel().astype(float), np.zeros(52)])
        best = lsq_linear(rows, target, (0, 1), tol=1e-12).x
        assert np.abs(found - best).max() < 2e-3


def test_over_a_shot_every_term_counts(tmp_path):
    """The stacked problem of all frames with all quadratic terms, solved by SciPy."""
    pairs = [-1] * 52
    pairs[arkit.INDEX["mouthSmileLeft"]] = pairs[arkit.INDEX["mouthSmileRight"]] = 4
    solver, shapes, neutral, moves = _solver(
        tmp_path,
        strengthL2regularization=0.2,
        strengthL1regularization=0.4,
        strengthTemporalSmoothing=2.0,
        strengthSymmetry=5.0,
        bsSolveSymmetryPoses=pairs,
    )
    truth = np.random.default_rng(3).uniform(0, 1, (5, 52))
    mesh = _mesh(neutral, moves, truth)
    n = len(mesh)
    basis = shapes.shapes.reshape(52, -1).T.astype(float)
    assert shapes.symmetry == ((arkit.INDEX["mouthSmileLeft"], arkit.INDEX["mouthSmileRight"]),)
    tie = np.zeros((1, 52))
    tie[0, list(shapes.symmetry[0])] = 1, -1
    moved = (mesh - neutral).reshape(n, -1).astype(float)
    rows = [
        np.kron(np.eye(n), basis),
        np.sqrt(shapes.l2) * np.eye(52 * n),
        np.sqrt(shapes.symmetric) * np.kron(np.eye(n), tie),
        np.sqrt(shapes.temporal) * np.kron(np.diff(np.eye(n), axis=0), np.eye(52)),
    ]
    a = sum(r.T @ r for r in rows)
    b = (moved @ basis).ravel() - 0.5 * shapes.l1
    root = np.linalg.cholesky(a).T
    best = lsq_linear(root, np.linalg.solve(root.T, b), (0, 1), tol=1e-12).x.reshape(n, 52)
    assert np.abs(solver.solve([mesh[:2], mesh[2:]]) - best).max() < 2e-3


def test_of_a_cancel_pair_one_is_active(tmp_path):
    pairs = [-1] * 52
    left, right = arkit.INDEX["jawLeft"], arkit.INDEX["jawRight"]
    pairs[left] = pairs[right] = 0
    solver, _, neutral, moves = _solver(tmp_path, bsSolveCancelPoses=pairs, strengthTemporalSmoothing=0.01)
    truth = claire.curves(40, 5)
    found = solver.solve([_mesh(neutral, moves, truth)])
    assert (truth[:, [left, right]].min(1) > 0).any()
    assert (found[:, [left, right]].min(1) == 0).all() and (found[:, [left, right]].max(1) > 0).any()


def test_multipliers_offsets_and_inactive_poses(tmp_path):
    jaw, sneer = arkit.INDEX["jawOpen"], arkit.INDEX["noseSneerLeft"]
    multipliers, offsets, active = [1.0] * 52, [0.0] * 52, [1] * 52
    multipliers[jaw], offsets[jaw], active[sneer] = 0.5, 0.1, 0
    solver, shapes, neutral, moves = _solver(
        tmp_path, 600, bsWeightMultipliers=multipliers, bsWeightOffsets=offsets, bsSolveActivePoses=active
    )
    truth = claire.curves(20, 6)
    truth[:, sneer] = 0
    found = solver.solve([_mesh(neutral, moves, truth)])
    assert np.abs(found[:, jaw] - (0.5 * truth[:, jaw] + 0.1)).max() < 0.01
    assert not shapes.active[sneer] and (found[:, sneer] == 0).all()


def test_the_rigs_closed_mouth_becomes_arkits(tmp_path):
    """0.6 of the rig's mouthClose, which opens the jaw too, is jawOpen 0.6 and mouthClose 0.6 in ARKit's terms."""
    solver, _, neutral, moves = _solver(tmp_path, 600)
    with np.load(tmp_path / "bs_skin.npz") as archive:
        mesh = neutral + 0.6 * archive["mouthClose"]
    found = solver.solve([mesh[None]])[0]
    expected = np.zeros(52)
    expected[[arkit.INDEX["jawOpen"], arkit.INDEX["mouthClose"]]] = 0.6
    assert np.abs(found - expected).max() < 0.01


def test_only_the_mask_is_looked_at(tmp_path):
    mask = np.arange(0, 600, 2)
    solver, _, neutral, moves = _solver(tmp_path, 600, mask=mask)
    truth = claire.curves(10, 7)
    mesh = _mesh(neutral, moves, truth)
    wrong = mesh.copy()
    wrong[:, 1::2] += 3
    assert np.array_equal(solver.solve([mesh]), solver.solve([wrong]))


def test_strengths_follow_the_size_of_the_mesh(tmp_path):
    """The same face in millimetres, with templateBBSize still in cm, gives the same coefficients."""
    changes = {"strengthL2regularization": 0.5, "strengthTemporalSmoothing": 0.5, "strengthL1regularization": 0.1}
    solver, _, neutral, moves = _solver(tmp_path, **changes)
    truth = claire.curves(12, 8)
    small = solver.solve([_mesh(neutral, moves, truth)])
    claire.write_rig(tmp_path, 10 * neutral, 10 * moves, np.arange(300), **changes)
    large = solve.Solver(rig.read(tmp_path / "bs_skin.npz", tmp_path / "bs_skin_config.json"))
    assert np.abs(large.solve([10 * _mesh(neutral, moves, truth)]) - small).max() < 2e-3


def test_memory_stays_flat(tmp_path):
    """Ten times the frames cost no more memory than their 52 numbers."""
    import tracemalloc

    solver, _, neutral, moves = _solver(tmp_path, 2_000)
    mesh = _mesh(neutral, moves, claire.curves(20, 9))
    solver.solve([mesh])
    peaks = []
    for count in (5, 50):
        tracemalloc.start()
        solver.solve(mesh for _ in range(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 45 * 20 * 52 * 8 * 6
