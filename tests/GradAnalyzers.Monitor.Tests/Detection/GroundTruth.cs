using TorchSharp;
using static TorchSharp.torch;

namespace GradAnalyzers.Detection;

/// <summary>
/// Says whether a fault is one: trains without the monitor and looks at losses, gradients and weights itself. What shows in none of them is no fault that a monitor could be asked to find.
/// </summary>
internal static class GroundTruth
{
    /// <summary>What shows that the training is at fault; null where nothing does.</summary>
    public static string? Evidence(Scenario scenario, int seed)
    {
        set_num_threads(1);
        manual_seed(seed);
        var setup = scenario.Create();
        using var unwatched = new GradAnalyzers.Monitor.GradientMonitor(nn.Linear(1, 1));
        (string Path, Tensor Value)[] parameters = [.. setup.Model.named_parameters().Where(p => p.parameter.requires_grad).Select(p => (p.name, (Tensor)p.parameter))];
        Tensor[] begin = [.. parameters.Select(p => p.Value.detach().clone())];
        var (losses, norms, ratios) = (new List<double>(), new List<double>(), new List<double>());
        var (zeros, nulls) = (new int[parameters.Length], new int[parameters.Length]);
        var (uncleared, changedAtEnd) = (0, false);
        Tensor[]? late = null;
        for (var step = 0; step < Runner.Steps; step++)
        {
            using var scope = NewDisposeScope();
            if (step == Runner.Steps * 3 / 4)
                late = [.. parameters.Select(p => p.Value.detach().clone().DetachFromDisposeScope())];
            setup.Before?.Invoke();
            if (setup.Clears)
                setup.Optimizer.zero_grad();
            var isLeft = step > 0 && parameters.All(p => p.Value.grad is { } g && g.abs().sum().ToDouble() > 0);
            uncleared = isLeft ? uncleared + 1 : 0;
            Tensor loss = null!;
            for (var i = 0; i < setup.Backwards; i++)
            {
                loss = setup.Loss();
                loss.backward();
            }
            setup.AfterBackward?.Invoke();
            losses.Add(loss.ToDouble());
            double[] each = [.. parameters.Select(p => p.Value.grad is { } g ? g.to(ScalarType.Float64).norm().ToDouble() : 0)];
            norms.Add(Math.Sqrt(each.Sum(n => n * n)));
            for (var i = 0; i < each.Length; i++)
            {
                zeros[i] += each[i] == 0 ? 1 : 0;
                nulls[i] += parameters[i].Value.grad is null ? 1 : 0;
            }
            int[] weights = [.. Enumerable.Range(0, each.Length).Where(i => parameters[i].Value.dim() > 1)];
            if (weights.Length > 1 && each[weights[^1]] > 0)
                ratios.Add(each[weights[0]] / each[weights[^1]]);
            if (!double.IsFinite(norms[^1]) || !double.IsFinite(losses[^1]))
                return $"not finite at step {step + 1}";
            setup.Watch?.Invoke(unwatched, loss);
            if (setup.Clip is { } limit)
                nn.utils.clip_grad_norm_(setup.Model.parameters(), limit);
            setup.BeforeStep?.Invoke();
            setup.Optimizer.step();
            setup.Scheduler?.step();
            setup.AfterStep?.Invoke(unwatched, step);
        }
        using var _ = no_grad();
        changedAtEnd = Enumerable.Range(0, parameters.Length).Any(i => !late![i].equal(parameters[i].Value).all().item<bool>());
        var still = Enumerable.Range(0, parameters.Length).Where(i => parameters[i].Value.dim() > 1 && begin[i].equal(parameters[i].Value).all().item<bool>()).ToArray();
        var empty = Enumerable.Range(0, parameters.Length).FirstOrDefault(i => parameters[i].Value.dim() > 1 && zeros[i] > 0.9 * Runner.Steps, -1);
        var same = Enumerable.Range(0, parameters.Length).FirstOrDefault(i => parameters[i].Value is { } v && v.dim() > 1 && v.shape[0] > 1 && (v[1..] - v[..1]).abs().max().ToDouble() == 0, -1);
        double[] sortedRatios = [.. ratios.Order()], sortedNorms = [.. norms.Order()];
        var ratio = sortedRatios.Length > 0 ? sortedRatios[sortedRatios.Length / 2] : 1;
        var (first, last) = (losses.Take(10).Average(), losses.TakeLast(50).Average());
        string? evidence = !changedAtEnd ? "no parameter changes any more"
            : still.Length > 0 ? $"'{parameters[still[0]].Path}' never changes"
            : Array.IndexOf(nulls, Runner.Steps) is >= 0 and var without ? $"'{parameters[without].Path}' never gets a gradient"
            : empty >= 0 ? $"the gradient of '{parameters[empty].Path}' is zero in {zeros[empty]} of {Runner.Steps} steps"
            : same >= 0 ? $"the units of '{parameters[same].Path}' are equal at the end"
            : uncleared > 100 ? "gradients add up"
            : ratio is < 1e-3 or > 70 ? $"first over last weight {ratio:G2}"
            : sortedNorms[^1] > 20 * sortedNorms[sortedNorms.Length / 2] && sortedNorms[^1] > 10 ? $"norm up to {sortedNorms[^1]:G3} from a median of {sortedNorms[sortedNorms.Length / 2]:G3}"
            : sortedNorms[sortedNorms.Length / 2] is > 1000 ? $"median norm {sortedNorms[sortedNorms.Length / 2]:G3}"
            : !(last < first - 0.05 * Math.Abs(first)) ? $"the loss does not fall: {first:G3} to {last:G3}"
            : null;
        setup.Optimizer.Dispose();
        setup.Model.Dispose();
        return evidence;
    }
}
