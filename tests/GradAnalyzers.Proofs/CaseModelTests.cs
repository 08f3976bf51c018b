using GradAnalyzers.GradientFlow;
using Xunit;
using static TorchSharp.torch;

namespace GradAnalyzers.Proofs;

/// <summary>The flow rules' fixes keep their promise: the models of the package's cases are run as they are and as the fix leaves them.</summary>
public sealed class CaseModelTests
{
    private const int Seeds = 3;
    private const int Batch = 32;
    private const int Side = 12;

    public static TheoryData<string> Files { get; } = new(Directory.EnumerateFiles(CompiledCase.Folder, "GRAD100?.*.cs")
        .Select(path => Path.GetFileName(path)).Where(file => !file.EndsWith(".fixed.cs", StringComparison.Ordinal) && string.CompareOrdinal(file, "GRAD1005") < 0).Order());

    [Theory]
    [MemberData(nameof(Files))]
    public void WhatIsReportedIsBadWhenItRunsAndWhatIsFixedIsHealthy(string file)
    {
        var reported = Models(file);
        var repaired = Models(file.Replace(".cs", ".fixed.cs"));

        Assert.NotEmpty(reported);
        Assert.Equal(reported.Select(type => type.FullName), repaired.Select(type => type.FullName));
        Assert.All(reported, type => Assert.NotEqual(Verdict.Healthy, Measure(type)));
        Assert.All(repaired, type => Assert.Equal(Verdict.Healthy, Measure(type)));
    }

    /// <summary>The verdict on measured gradients: of the first weight over the last, and of the input over the output.</summary>
    private static Verdict Measure(Type type)
    {
        var (ratio, attenuation) = (0.0, 0.0);
        for (var seed = 0; seed < Seeds; seed++)
        {
            using var scope = NewDisposeScope();
            random.manual_seed(seed);
            var constructor = type.GetConstructors().Single();
            using var model = (nn.Module<Tensor, Tensor>)constructor.Invoke([.. constructor.GetParameters().Select(parameter => parameter.DefaultValue)]);
            model.train();
            var weights = model.named_parameters().Where(entry => entry.parameter.dim() >= 2).Select(entry => entry.parameter).ToList();
            // Forward order: a model may list its head before its body.
            var first = weights.First(weight => !IsHead(weight));
            var input = randn(first.dim() == 4 ? [Batch, first.shape[1], Side, Side] : [Batch, first.shape[1]]).requires_grad_(true);
            var output = model.forward(input);
            output.retain_grad();
            nn.functional.mse_loss(output, randn_like(output)).backward();
            var last = weights.Find(IsHead) ?? weights[^1];
            ratio += Math.Log10(Norm(first.grad!) / Norm(last.grad!)) / Seeds;
            attenuation += Math.Log10(Norm(input.grad!) / Norm(output.grad!)) / Seeds;

            bool IsHead(TorchSharp.Modules.Parameter weight) => weight.shape[0] is 1 or 10;
        }

        return Thresholds.Default.Judge(Math.Pow(10, ratio), Math.Pow(10, attenuation));
    }

    private static double Norm(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return Math.Max(Math.Sqrt(tensor.to(ScalarType.Float64).square().sum().item<double>()), 1e-40);
    }

    /// <summary>The model classes of a case.</summary>
    private static List<Type> Models(string file) =>
        [.. CompiledCase.Types(file).Where(type => type.IsSubclassOf(typeof(nn.Module)) && !type.IsNested).OrderBy(type => type.FullName, StringComparer.Ordinal)];
}
