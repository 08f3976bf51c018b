using GradAnalyzers.Tests.Catalogue;
using Xunit;

namespace GradAnalyzers.Tests.Rules.Flow;

/// <summary>Layers of a framework that is not built on TorchSharp, described by a catalogue.</summary>
public sealed class OwnFrameworkFlowTests
{
    [Fact]
    public async Task AStackOfItsSigmoidsIsReported()
    {
        var report = Assert.Single(await AnalyzedProgram.Reports(Framework, Catalogue, Program("new Logistic()")));

        Assert.Contains("GRAD1001", report, StringComparison.Ordinal);
    }

    /// <summary>Its own default may be the initialization that fits.</summary>
    [Fact]
    public async Task AStackOfItsReluIsNot() => Assert.Empty(await AnalyzedProgram.Reports(Framework, Catalogue, Program("new Rectifier()")));

    private const string Framework = """
        namespace Acme;
        public class Array2 { public void Differentiate() { } }
        public abstract class Layer { public abstract Array2 Run(Array2 input); }
        public class Dense : Layer { public Dense(int inputs, int units) { } public override Array2 Run(Array2 input) => input; }
        public class Logistic : Layer { public override Array2 Run(Array2 input) => input; }
        public class Rectifier : Layer { public override Array2 Run(Array2 input) => input; }
        public class Chain : Layer { public Chain(params Layer[] layers) { } public override Array2 Run(Array2 input) => input; }
        """;

    private const string Catalogue = """
        Acme.Array2                tensor
        Acme.Array2.Differentiate  backward
        Acme.Layer                 module
        Acme.Layer.Run             forward
        Acme.Dense                 linear       fan_in=inputs fan_out=units
        Acme.Logistic              sigmoid
        Acme.Rectifier             relu
        Acme.Chain                 sequential   modules=layers
        """;

    private static string Program(string activation) => $$"""
        using Acme;

        static class Training
        {
            static void Run(Array2 input)
            {
                var model = new Chain({{string.Concat(Enumerable.Repeat($"new Dense(64, 64), {activation}, ", 16))}}new Dense(64, 1));
                model.Run(input).Differentiate();
            }
        }
        """;
}
