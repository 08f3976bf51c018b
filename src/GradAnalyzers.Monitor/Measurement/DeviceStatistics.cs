using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// Calls the functions of <c>statistics.torchscript</c>. They run where the tensors live; every answer is one tensor.
/// The text is fixed: TorchSharp ends the process on a script that does not compile.
/// </summary>
internal static class DeviceStatistics
{
    private static readonly Lazy<jit.CompilationUnit> Functions = new(Compile);

    private static jit.CompilationUnit Compile()
    {
        using var stream = typeof(DeviceStatistics).Assembly.GetManifestResourceStream("statistics.torchscript")!;
        using var reader = new StreamReader(stream);
        return jit.compile(reader.ReadToEnd().ReplaceLineEndings("\n"));
    }

    /// <summary>
    /// Scales all gradients where their norm together is above <paramref name="limit"/>, in one call -> the norm of each gradient, then the factor; no number where one of
    /// <paramref name="absent"/> has a gradient (and then nothing is scaled). Nothing is scaled either where the factor is below 1e-30 or no number.
    /// </summary>
    public static Tensor Clip(ParameterGroup group, Tensor[] absent, double limit) =>
        Ask("clip", group.Packed, group.Runs, group.Large, group.Other, absent, limit);

    public static Tensor Norms(ParameterGroup group, Tensor[] extra) => group.IsAccelerated
        ? FusedNorms(group.Other, extra)
        : Ask("norms", group.Packed, group.Runs, group.Large, group.Other, extra);

    public static Tensor FusedNorms(Tensor[] parameters, Tensor[] extra) => Ask("fused_norms", parameters, extra);

    public static Tensor Details(ParameterGroup group, Tensor[] extra) =>
        Ask("details", group.Packed, group.Runs, group.Large, group.Other, extra);

    /// <summary>float64: the norm of each gradient, then the number of its elements that are not finite.</summary>
    public static double[] Careful(Tensor[] parameters)
    {
        using var answer = Ask("careful", (object)parameters);
        using var here = answer.cpu();
        return here.data<double>().ToArray();
    }

    /// <summary>Largest absolute values (NaN where there is one), sums of absolute values and numbers of zeros, of gradients that need not be finite.</summary>
    public static double[] CarefulDetails(Tensor[] parameters)
    {
        using var answer = Ask("careful_details", (object)parameters);
        using var here = answer.cpu();
        return here.data<double>().ToArray();
    }

    /// <summary>How many values of each parameter <see cref="SampleValues"/> gives.</summary>
    public const int Samples = 16;

    /// <summary>The first values of each parameter, zeros where it has fewer.</summary>
    public static float[] SampleValues(Tensor[] parameters) => DirectArithmetic.FirstValues(parameters, Samples) ?? Read(Ask("samples", (object)parameters));

    /// <summary>How often each gradient (-1: none) was written in place.</summary>
    public static long[] GradientWrites(Tensor[] parameters)
    {
        using var answer = Ask("gradient_writes", (object)parameters);
        return answer.data<long>().ToArray();
    }

    public static long CountMissing(Tensor[] parameters)
    {
        using var answer = Ask("count_missing", (object)parameters);
        return answer.data<long>()[0];
    }

    public static float[] EqualRows(Tensor[] parameters) => Read(Ask("equal_rows", (object)parameters));

    public static float[] Changed(Tensor[] parameters, Tensor[] copies) => Read(Ask("changed", parameters, copies));

    public static float[] UpdateRatios(Tensor[] parameters, Tensor[] copies) => Read(Ask("update_ratios", parameters, copies));

    /// <summary>Multiplies gradients.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="factors">float64 (float32 where the device has no more), one number for all or one for each.</param>
    public static void Scale(Tensor[] parameters, Tensor factors) => Functions.Value.invoke(factors.dim() == 0 ? "scale" : "scale_each", parameters, factors);

    private static Tensor Ask(string function, params object[] arguments) => (Tensor)Functions.Value.invoke(function, arguments);

    private static float[] Read(Tensor answer)
    {
        using (answer)
        using (var here = answer.cpu())
            return here.data<float>().ToArray();
    }
}
