using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Rules.Report;
using GradAnalyzers.Tests.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace GradAnalyzers.Tests.Rules.Report;

public sealed class GradientFlowReportTests
{
    private const string Stack = """
        class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential body;
            private readonly Linear head;
            public Net(int depth, int width = 64) : base("net")
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < depth; i++) { layers.Add(Linear(width, width)); layers.Add(Sigmoid()); }
                body = Sequential(layers);
                head = Linear(width, 10);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => head.forward(body.forward(x));
        }
        """;

    [Fact]
    public async Task EachSetOfConstantsIsOneMessage()
    {
        var reports = await Reports("var a = new Net(1); var b = new Net(8);" + Stack);

        Assert.Equal(2, reports.Length);
        Assert.All(reports, report => Assert.Equal("Net", TextAt(report.Location)));
        Assert.StartsWith("'Net(depth: 1, width: 64)': healthy; ", reports[0].GetMessage(CultureInfo.InvariantCulture));
        Assert.StartsWith("'Net(depth: 8, width: 64)': vanishing; ", reports[1].GetMessage(CultureInfo.InvariantCulture));
        Assert.Equal("new Net(8)", TextAt(Assert.Single(reports[1].AdditionalLocations)));
    }

    [Fact]
    public async Task EveryParameterIsAPairOfPathAndValueRelativeToTheLargest()
    {
        var report = Assert.Single(await Reports("var a = new Net(2);" + Stack));

        var pairs = report.GetMessage(CultureInfo.InvariantCulture).Split("; ")[^1].Split(' ').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => double.Parse(pair[1], CultureInfo.InvariantCulture));
        Assert.Equal(["body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias", "head.weight", "head.bias"], pairs.Keys);
        Assert.Equal(1, pairs.Values.Max());
        Assert.True(pairs["body.0.weight"] < pairs["body.2.weight"] && pairs["body.2.weight"] < pairs["head.weight"]);
    }

    [Fact]
    public async Task WhatFewAndManyRepetitionsShareIsSaidWithTheirNumber()
    {
        var shared = Assert.Single(await Reports(Stack.Replace("layers.Add(Sigmoid());", "layers.Add(ReLU()); layers.Add(LayerNorm(width));") + " class Program { static Net Of(int depth) => new Net(depth); }"));
        var divided = Assert.Single(await Reports(Stack + " class Program { static Net Of(int depth) => new Net(depth); }"));

        Assert.StartsWith("'Net(depth: depth, width: 64)': healthy (with 3 and with 12 of what it repeats and no code counts); ", shared.GetMessage(CultureInfo.InvariantCulture));
        Assert.Contains("body.33.weight=", shared.GetMessage(CultureInfo.InvariantCulture));
        Assert.StartsWith("'Net(depth: depth, width: 64)': unknown (the Sequential's elements are not known: ", divided.GetMessage(CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task WhatIsNotKnownIsSaid()
    {
        var report = Assert.Single(await Reports("""
            class Net : Module<Tensor, Tensor>
            {
                private readonly Linear a = Linear(4, 4);
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => a.forward(x).cumsum(1);
            }
            """));

        Assert.Equal("'Net': unknown ('cumsum' is not in the catalogue and not in source; a catalogue line would tell what it does); first/last=unknown attenuation=unknown; a.weight=unknown a.bias=unknown", report.GetMessage(CultureInfo.InvariantCulture));
        Assert.Equal("a.forward(x).cumsum(1)", TextAt(Assert.Single(report.AdditionalLocations)));
    }

    [Fact]
    public async Task ASequentialOfTheProgramIsReportedWhereItIsCreated()
    {
        var report = Assert.Single(await Reports("var model = Sequential(Linear(4, 4), ReLU());"));

        Assert.Equal("Sequential(Linear(4, 4), ReLU())", TextAt(report.Location));
    }

    [Fact]
    public void TheReportIsOptIn() => Assert.False(Descriptors.GRAD0002.IsEnabledByDefault);

    private static async Task<ImmutableArray<Diagnostic>> Reports(string source)
    {
        var compilation = ModelSource.Compile(source);
        var options = compilation.Options.WithSpecificDiagnosticOptions([new("GRAD0002", ReportDiagnostic.Warn)]);
        var found = await compilation.WithOptions(options).WithAnalyzers([new GradientFlowReport()]).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        return [.. found.OrderBy(diagnostic => diagnostic.GetMessage(CultureInfo.InvariantCulture), StringComparer.Ordinal)];
    }

    private static string TextAt(Location location) => location.SourceTree!.GetText().ToString(location.SourceSpan);
}
