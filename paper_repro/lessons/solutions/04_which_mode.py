# %% answer_1
def mine(every=10):
    run, kept = problem_1.at(lam_1), {}
    s = run.start()
    for t in range(1, 41):
        if (t - 1) % every == 0:
            kept[t - 1] = s
        s = run.step(t, s)
    alpha, total = run.error_grad(40, s)[0], {}
    for first in sorted(kept, reverse=True):
        s, steps = kept[first], []
        for t in range(first + 1, first + every + 1):
            steps.append(run.at(t, s))
            s = steps[-1].value
        for step in reversed(steps):
            alpha, share = step.vjp(alpha)
            total = {name: total.get(name, 0) + share[name] for name in share}
    return total


answer_1 = mine()

# %% answer_2
run = many.at(lam_many)
s, z = run.start(), np.zeros((many.d, 1))
for t in range(1, 41):
    step = run.at(t, s)
    z, s = step.jvp(z, {"l2": np.ones((100, 1))}), step.value
answer_2 = {"l2": (run.error_grad(40, s)[0] @ z)[0]}
