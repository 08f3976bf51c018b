using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>Clipping by the library alone, for gradients that the monitor's own way can't take: slower, but it knows every kind that the optimizer does.</summary>
internal static class PlainClipping
{
    public static Clipping Clip(nn.Module model, double limit, bool each)
    {
        using var _ = no_grad();
        Parameter[] parameters = [.. model.parameters()];
        var norm = nn.utils.clip_grad_norm_(parameters, double.MaxValue);
        if (!double.IsFinite(norm))
            return new([], norm, 0);
        var count = 0;
        foreach (var together in each ? parameters.Select(p => new[] { p }) : [parameters])
            count += nn.utils.clip_grad_norm_(together, limit) > limit ? together.Length : 0;
        return new([], norm, count);
    }
}
