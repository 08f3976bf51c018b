using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>A framework that is not built on TorchSharp, described by a catalogue of its own.</summary>
public sealed class OwnFrameworkTests
{
    private const string Library = """
        namespace Acme;
        public class Array2 { public static Array2 operator +(Array2 a, Array2 b) => a; }
        public abstract class Layer { public abstract Array2 Run(Array2 input); }
        public class Dense : Layer { public Dense(int inputs, int units, bool offset = true) { } public Array2 Kernel; public override Array2 Run(Array2 input) => input; }
        public class Logistic : Layer { public override Array2 Run(Array2 input) => input; }
        public class Chain : Layer { public Chain(params Layer[] layers) { } public override Array2 Run(Array2 input) => input; }
        public static class Math2 { public static Array2 Rectify(Array2 value) => value; public static Array2 Scramble(Array2 value) => value; }
        public static class Starts { public static void He(Array2 kernel) { } }
        """;

    private const string Catalogue = """
        Acme.Layer          module
        Acme.Layer.Run      forward
        Acme.Dense          linear       fan_in=inputs fan_out=units bias=offset
        Acme.Logistic       sigmoid
        Acme.Chain          sequential   modules=layers
        Acme.Math2.Rectify  relu
        Acme.Array2.op_Addition  add
        """;

    private static ModelGraph Read(string source, string catalogue = Catalogue) =>
        Assert.Single(Graphs(CompileWithout("using Acme;" + source, Library), catalogue), graph => graph.Name == "Net");

    [Fact]
    public void LayersAreReadByTheirLines() =>
        Assert.Equal("""
            0 Input
            1 Linear first fan_in=4 fan_out=8
            2 Relu
            3 Linear second fan_in=8 fan_out=8
            4 Sigmoid act
            5 Add(2, 4)
            """, Dump(Read("""
                class Net : Layer
                {
                    private readonly Dense first = new(4, 8), second = new(8, 8);
                    private readonly Layer act = new Logistic();
                    public override Array2 Run(Array2 input) { var h = Math2.Rectify(first.Run(input)); return h + act.Run(second.Run(h)); }
                }
                """), "fan_in", "fan_out"));

    [Fact]
    public void ContainersAreUnrolledAndPredicted()
    {
        var graph = Read("""
            class Net : Layer
            {
                private readonly Chain chain;
                public Net() { chain = new Chain(new Dense(64, 64), new Logistic(), new Dense(64, 64), new Logistic(), new Dense(64, 64), new Logistic(), new Dense(64, 64), new Logistic(), new Dense(64, 64), new Logistic(), new Dense(64, 64)); }
                public override Array2 Run(Array2 input) => chain.Run(input);
            }
            """);

        Assert.True(graph.IsComplete);
        Assert.Equal(Verdict.Vanishing, GradientFlowPrediction.Predict(GraphNetwork.Of(graph)).Verdict);
    }

    [Fact]
    public void WhatHasNoLineIsOpaque() =>
        Assert.Equal("""
            0 Input
            1 Opaque: 'Scramble' is not in the catalogue and not in source
            """, Dump(Read("class Net : Layer { public override Array2 Run(Array2 input) => Math2.Scramble(input); }")));

    [Fact]
    public void ALayerOfAnotherAssemblyBesideTorchSharpIsReadByItsLine()
    {
        var library = CSharpCompilation.Create("Acme", [Parse("""
            using TorchSharp; using static TorchSharp.torch;
            namespace Acme;
            public class FastDense : nn.Module<Tensor, Tensor> { public FastDense(long from, long to) : base("d") { } public override Tensor forward(Tensor x) => x; }
            """)], Compile("").References, new CSharpCompilationOptions(Microsoft.CodeAnalysis.OutputKind.DynamicallyLinkedLibrary));
        var compilation = Compile("", allowErrors: true).AddReferences(library.ToMetadataReference()).AddSyntaxTrees(Parse("""
            using TorchSharp; using static TorchSharp.torch; using static TorchSharp.torch.nn; using Acme;
            class Net : Module<Tensor, Tensor>
            {
                private readonly FastDense dense = new(3, 5);
                public Net() : base("n") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => dense.forward(x);
            }
            """));

        var graph = Assert.Single(Graphs(compilation, "Acme.FastDense linear fan_in=from fan_out=to"));

        Assert.Equal("""
            0 Input
            1 Linear dense fan_in=3 fan_out=5
            """, Dump(graph, "fan_in", "fan_out"));
        Assert.Equal(["dense.weight", "dense.bias"], Parameters(graph));
    }

    private static Microsoft.CodeAnalysis.SyntaxTree Parse(string source) => CSharpSyntaxTree.ParseText(source, cancellationToken: TestContext.Current.CancellationToken);

    [Fact]
    public void WithoutTorchSharpAndWithoutACatalogueThereIsNothingToDo()
    {
        var compilation = CompileWithout("class Net { }", Library);

        Assert.False(ModelCatalogue.For(compilation, new Microsoft.CodeAnalysis.Diagnostics.AnalyzerOptions([])).IsRelevant);
    }
}
