using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Report;
using GradAnalyzers.Tests.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace GradAnalyzers.Tests.Models.HeldOut;

/// <summary>Held out: written before partial verdicts. Something in the middle is not known; what lies behind it is bad, or is not, whatever comes out of it.</summary>
public sealed class PartialHeldOutTests
{
    private const string Stacks = """
        static class Stacks
        {
            public static Sequential Of(int depth, Func<Module<Tensor, Tensor>> activation, int width = 64, int last = 10, bool norm = false)
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < depth; i++)
                {
                    layers.Add(Linear(width, width));
                    if (norm) layers.Add(BatchNorm1d(width));
                    layers.Add(activation());
                }
                layers.Add(Linear(width, last));
                return Sequential(layers);
            }
        }
        """;

    private static string Model(string fields, string constructor, string forward, string parameters = "") => ModelSource.Net($$"""
        {{fields}}
        public Net({{parameters}}) : base("net") { {{constructor}} RegisterComponents(); }
        public override Tensor forward(Tensor x) { {{forward}} }
        """, Stacks + Training.Step);

    [Theory]
    [InlineData("Linear enc = Linear(16, 64); Sequential head;", "head = Stacks.Of(8, () => Sigmoid());", "return head.forward(enc.forward(x).cumsum(1));", "GRAD1001")]
    [InlineData("torch.jit.ScriptModule<Tensor, Tensor> enc; Sequential head;", "enc = torch.jit.load<Tensor, Tensor>(\"encoder.pt\"); head = Stacks.Of(5, () => Sigmoid());", "return head.forward(enc.forward(x));", "GRAD1001")]
    [InlineData("Embedding enc = Embedding(100, 64); Sequential head;", "head = Stacks.Of(6, () => Hardsigmoid());", "var (sorted, _) = torch.sort(enc.forward(x).mean(new long[] { 1 }), 1); return F.log_softmax(head.forward(sorted), 1);", "GRAD1001")]
    [InlineData("Module<Tensor, Tensor> enc; ModuleList<Linear> head = new();", "this.enc = enc; for (var i = 0; i < 9; i++) head.Add(Linear(32, 32));", "x = enc.forward(x); foreach (var layer in head) x = torch.sigmoid(layer.forward(x)); return x;", "GRAD1001", "Module<Tensor, Tensor> enc")]
    [InlineData("Linear enc = Linear(16, 64); Sequential head;", "head = Stacks.Of(24, () => ReLU());", "return head.forward(torch.fft.rfft(enc.forward(x)).abs());", "GRAD1002")]
    [InlineData("LSTM enc = LSTM(8, 64); Sequential head;", "head = Stacks.Of(18, () => GELU());", "return head.forward(torch.cummax(enc.forward(x).Item1.mean(new long[] { 0 }), 1).values);", "GRAD1002")]
    [InlineData("Linear enc = Linear(16, 64); Sequential head;", "head = Stacks.Of(45, () => ReLU(), norm: true);", "return head.forward(torch.roll(torch.cumprod(enc.forward(x), 1), 1));", "GRAD1003")]
    [InlineData("Linear enc = Linear(16, 64); Sequential head; int rounds;", "this.rounds = rounds; head = Stacks.Of(7, () => Sigmoid());", "for (var i = 0; i < rounds; i++) x = enc.forward(x).relu(); return head.forward(x);", "GRAD1001", "int rounds")]
    // The skip around the unknown is known, the stack behind both is what starves.
    [InlineData("Linear enc = Linear(64, 64); Sequential head;", "head = Stacks.Of(8, () => Sigmoid());", "var y = enc.forward(x); return head.forward(y + torch.cumsum(y, 1));", "GRAD1001")]
    public async Task AStackBehindSomethingUnknownIsReported(string fields, string constructor, string forward, string rule, string parameters = "") => Assert.Equal([rule], (await Reports(Model(fields, constructor, forward, parameters), false)).Select(report => report.Id));

    [Theory]
    // Healthy behind it.
    [InlineData("Linear enc = Linear(16, 64); Sequential head;", "head = Stacks.Of(3, () => ReLU());", "return head.forward(enc.forward(x).cumsum(1));")]
    [InlineData("Linear enc = Linear(16, 64); Sequential head;", "head = Stacks.Of(1, () => Sigmoid());", "return head.forward(enc.forward(x).cumsum(1));")]
    [InlineData("Linear enc = Linear(16, 64); Linear head = Linear(64, 10);", "", "return torch.sigmoid(head.forward(enc.forward(x).cumsum(1)));")]
    // The stack lies before it, or around it.
    [InlineData("Sequential enc; Linear head = Linear(10, 4);", "enc = Stacks.Of(8, () => Sigmoid());", "return head.forward(enc.forward(x).cumsum(1));")]
    [InlineData("Sequential one, other;", "one = Stacks.Of(2, () => Sigmoid(), last: 64); other = Stacks.Of(1, () => Sigmoid());", "return other.forward(one.forward(x).cumsum(1));")]
    // What is unknown comes last.
    [InlineData("Sequential enc;", "enc = Stacks.Of(8, () => Sigmoid());", "return enc.forward(x).cumsum(1);")]
    // Another way leads through it.
    [InlineData("Sequential body; Linear a = Linear(10, 10), b = Linear(10, 10);", "body = Stacks.Of(8, () => Sigmoid());", "x = body.forward(x); return a.forward(x) + b.forward(x.cumsum(1));")]
    // Shared weights get more than what is seen here.
    [InlineData("ModuleList<Linear> body = new();", "for (var i = 0; i < 8; i++) body.Add(Linear(64, 64));", "foreach (var layer in body) x = layer.forward(x); x = x.cumsum(1); foreach (var layer in body) x = layer.forward(x).sigmoid(); return x;")]
    // Every second layer is unknown.
    [InlineData("ModuleList<Linear> body = new();", "for (var i = 0; i < 12; i++) body.Add(Linear(64, 64));", "foreach (var layer in body) x = layer.forward(x).sigmoid().cumsum(1); return x;")]
    // Skips within the stack.
    [InlineData("Linear enc = Linear(16, 64); ModuleList<Linear> body = new(); Linear last = Linear(64, 10);", "for (var i = 0; i < 12; i++) body.Add(Linear(64, 64));", "x = enc.forward(x).cumsum(1); foreach (var layer in body) x = x + layer.forward(x).sigmoid(); return last.forward(x);")]
    // How the stack starts is not known.
    [InlineData("Linear enc = Linear(16, 64); Sequential head; Action<Module> start;", "head = Stacks.Of(8, () => Sigmoid()); head.apply(start);", "return head.forward(enc.forward(x).cumsum(1));", "Action<Module> start")]
    // Large inputs may be what it takes: nothing is sure.
    [InlineData("Linear enc = Linear(16, 64); Sequential head;", "head = Stacks.Of(9, () => ReLU());", "return head.forward(enc.forward(x).cumsum(1));")]
    [InlineData("Linear enc = Linear(16, 64); Sequential head;", "head = Stacks.Of(3, () => Sigmoid());", "return head.forward(enc.forward(x).cumsum(1));")]
    public async Task WhatIsNotSureIsNotSaid(string fields, string constructor, string forward, string parameters = "") => Assert.Empty(await Reports(Model(fields, constructor, forward, parameters), false));

    [Theory]
    [InlineData("head = Stacks.Of(8, () => Sigmoid());", "partly vanishing (before 'head.0' it is not known: 'cumsum' is not in the catalogue and not in source; a catalogue line would tell what it does)")]
    [InlineData("head = Stacks.Of(45, () => ReLU(), norm: true);", "partly exploding (before 'head.0' it is not known: 'cumsum' is not in the catalogue and not in source; a catalogue line would tell what it does)")]
    public async Task TheReportSaysThatAVerdictIsPartial(string constructor, string verdict)
    {
        var report = Assert.Single(await Reports(Model("Linear enc = Linear(16, 64); Sequential head;", constructor, "return head.forward(enc.forward(x).cumsum(1));"), true));

        var message = report.GetMessage(CultureInfo.InvariantCulture);
        Assert.StartsWith($"'Net': {verdict}; first/last=", message);
        Assert.Contains("enc.weight=unknown enc.bias=unknown head.0.weight=", message);
        Assert.DoesNotContain("head.0.weight=unknown", message);
    }

    private static async Task<ImmutableArray<Diagnostic>> Reports(string code, bool isReport)
    {
        ImmutableArray<DiagnosticAnalyzer> rules = isReport ? [new GradientFlowReport()]
            : [.. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(FlowRule)) && !type.IsAbstract).Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!)];
        var compilation = ModelSource.Compile(code);
        var options = compilation.Options.WithSpecificDiagnosticOptions([new("GRAD0002", ReportDiagnostic.Warn)]);
        return await compilation.WithOptions(options).WithAnalyzers(rules).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
    }
}
