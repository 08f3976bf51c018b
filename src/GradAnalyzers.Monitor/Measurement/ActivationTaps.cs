using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// Forward hooks on the modules of a model that take one tensor and give one. They compute only in steps that will be observed, and keep scalars on the device.
/// Hooks run through <c>call</c> and inside <c>Sequential</c>; a model that calls <c>forward</c> on its layers passes them by.
/// </summary>
internal sealed class ActivationTaps : IDisposable
{
    /// <summary>Slope under which an activation counts as saturated, relative to its steepest.</summary>
    private const double SaturatedSlope = 0.05;

    private readonly List<Action> removals = [];
    private readonly Dictionary<string, Scalars> scalars = [];
    private readonly Func<bool> isWanted;

    public ActivationTaps(nn.Module model, Func<bool> isWanted)
    {
        this.isWanted = isWanted;
        foreach (var (path, module) in model.named_modules())
            if (module is nn.Module<Tensor, Tensor> single && !module.children().Any())
            {
                Order.Add(path);
                var hook = single.register_forward_hook((m, _, output) => Passed(path, m, output));
                removals.Add(hook.remove);
            }
    }

    /// <summary>The paths of the hooked modules, in the order of <c>named_modules()</c>.</summary>
    public List<string> Order { get; } = [];

    private sealed class Scalars
    {
        public Tensor? Saturated, Dead, Backward;
    }

    /// <summary>Reads all that waits, at once, and forgets it.</summary>
    public IReadOnlyList<ActivationStatistics> Take()
    {
        var slots = new List<(string Path, int Kind, Tensor Value)>();
        foreach (var path in Order)
            if (scalars.TryGetValue(path, out var s))
            {
                if (s.Saturated is not null) slots.Add((path, 0, s.Saturated));
                if (s.Dead is not null) slots.Add((path, 1, s.Dead));
                if (s.Backward is not null) slots.Add((path, 2, s.Backward));
            }
        var read = new Dictionary<(string, int), double>();
        if (slots.Count > 0)
        {
            using var scope = NewDisposeScope();
            var device = slots[0].Value.device;
            var values = stack([.. slots.Select(s => s.Value.to(ScalarType.Float32).to(device))]).cpu().data<float>();
            for (var i = 0; i < slots.Count; i++)
                read[(slots[i].Path, slots[i].Kind)] = values[i];
        }
        Forget();
        double At(string path, int kind) => read.GetValueOrDefault((path, kind), double.NaN);
        return [.. slots.Select(s => s.Path).Distinct().Select(p => new ActivationStatistics(p, At(p, 0), At(p, 1), At(p, 2)))];
    }

    public void Dispose()
    {
        foreach (var remove in removals)
            remove();
        removals.Clear();
        Forget();
    }

    private void Forget()
    {
        foreach (var s in scalars.Values)
        {
            s.Saturated?.Dispose();
            s.Dead?.Dispose();
            s.Backward?.Dispose();
        }
        scalars.Clear();
    }

    private Tensor Passed(string path, nn.Module module, Tensor output)
    {
        if (!module.training || !isWanted() || !is_grad_enabled())
            return output;
        if (!scalars.TryGetValue(path, out var s))
            scalars[path] = s = new();
        using (no_grad())
        {
            Keep(ref s.Saturated, Saturated(module, output));
            Keep(ref s.Dead, DeadUnits(module, output));
        }
        return output.requires_grad ? BackwardTap.Through(output, gradient => Keep(ref s.Backward, Norm(gradient))) : output;
    }

    private static void Keep(ref Tensor? slot, Tensor? value)
    {
        if (value is null)
            return;
        slot?.Dispose();
        slot = value.DetachFromDisposeScope();
    }

    private static Tensor Norm(Tensor gradient)
    {
        using var _ = no_grad();
        return gradient.norm();
    }

    /// <summary>From the output alone: sigmoid' = y(1-y), tanh' = 1-y^2, softsign' = (1-|y|)^2; the hard ones are flat at their ends.</summary>
    private static Tensor? Saturated(nn.Module module, Tensor y)
    {
        using var scope = NewDisposeScope();
        var flat = module switch
        {
            Sigmoid => (y * (1 - y)) < SaturatedSlope * 0.25,
            Tanh => (1 - y * y) < SaturatedSlope,
            Softsign => (1 - y.abs()).square() < SaturatedSlope,
            Hardsigmoid => (y <= 0).logical_or(y >= 1),
            Hardtanh hard => (y <= hard.min_val).logical_or(y >= hard.max_val),
            _ => null,
        };
        return flat?.to(ScalarType.Float32).mean().MoveToOuterDisposeScope();
    }

    /// <summary>A unit is a channel of an image, else an element of the last dimension.</summary>
    private static Tensor? DeadUnits(nn.Module module, Tensor y)
    {
        if (module is not (ReLU or ReLU6) || y.dim() < 2)
            return null;
        using var scope = NewDisposeScope();
        var units = y.dim() >= 4 ? y.transpose(0, 1).flatten(1).transpose(0, 1) : y.reshape(-1, y.shape[^1]);
        return units.eq(0).all(0).to(ScalarType.Float32).mean().MoveToOuterDisposeScope();
    }
}
