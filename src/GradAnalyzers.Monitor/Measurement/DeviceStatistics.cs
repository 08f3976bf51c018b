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

    /// <summary>How often each parameter, then each gradient (-1: none), was written in place.</summary>
    public static long[] Versions(Tensor[] parameters)
    {
        using var answer = Ask("versions", (object)parameters);
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

    public static void Scale(Tensor[] parameters, double factor) => Functions.Value.invoke("scale", parameters, factor);

    public static void ScaleEach(Tensor[] parameters, Tensor factors) => Functions.Value.invoke("scale_each", parameters, factors);

    private static Tensor Ask(string function, params object[] arguments) => (Tensor)Functions.Value.invoke(function, arguments);

    private static float[] Read(Tensor answer)
    {
        using (answer)
        using (var here = answer.cpu())
            return here.data<float>().ToArray();
    }
}
