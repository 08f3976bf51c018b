using System.Collections.Immutable;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using GradAnalyzers.Rules;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace GradAnalyzers.Tests.Models.HeldOut;

/// <summary>Two heads on one trunk, the second one starved by ten sigmoids: which of them a loss reads, the training loop shows.</summary>
public sealed class HeadsHeldOutTests
{
    private const string Loop = """
        public static class Trainer
        {
            private static readonly CrossEntropyLoss ce = CrossEntropyLoss();
            private static readonly MSELoss mse = MSELoss();
            public static void Run(Tensor x, Tensor y, Tensor z)
            {
                var net = new Net();
                var optimizer = torch.optim.SGD(net.parameters(), 0.1);
                for (var i = 0; i < 10; i++)
                {
                    optimizer.zero_grad();
                    BODY
                    optimizer.step();
                }
            }
            private static void Learn(Tensor p, Tensor v) => (p.sum() + v.sum()).backward();
            MORE
        }
        """;

    private static string Program(string body, string more = "", int depth = 10) => $$"""
        public class Net : Module<Tensor, (Tensor, Tensor)>
        {
            private readonly Linear a = Linear(64, 64), b = Linear(64, 64), p = Linear(64, 4), w = Linear(64, 1);
            private readonly Sequential deep;
            public Net() : base("net")
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < {{depth}}; i++) { layers.Add(Linear(64, 64)); layers.Add(Sigmoid()); }
                deep = Sequential(layers);
                RegisterComponents();
            }
            public override (Tensor, Tensor) forward(Tensor x) { x = b.forward(a.forward(x).tanh()).tanh(); return (p.forward(x), w.forward(deep.forward(x))); }
        }
        {{Loop.Replace("BODY", body).Replace("MORE", more)}}
        """;

    [Theory]
    [InlineData("var (p, v) = net.forward(x); var loss = F.cross_entropy(p, y) + F.mse_loss(v, z); loss.backward();")]
    [InlineData("(Tensor policy, Tensor value) = net.call(x); F.mse_loss(value, z).backward(retain_graph: true); F.cross_entropy(policy, y).backward();")]
    [InlineData("var o = net.forward(x); var loss = F.mse_loss(o.Item2, z) + F.cross_entropy(o.Item1, y); loss.backward();")]
    [InlineData("var (_, v) = net.forward(x); var error = (v - z).pow(2).mean(); error.backward();")]
    [InlineData("var (p, v) = net.forward(x); var total = ce.forward(p, y); total += mse.forward(v.squeeze(-1), z); total.backward();")]
    [InlineData("Tensor p, v; (p, v) = net.forward(x); var l1 = ce.call(p, y); var l2 = 0.5 * mse.call(v, z); var sum = l1 + l2; sum.backward();")]
    [InlineData("var (p, v) = net.forward(x); var advantage = z - v.detach(); var actor = -(F.log_softmax(p, 1) * advantage).mean(); var critic = F.smooth_l1_loss(v, z); (actor + critic).backward();")]
    [InlineData("var (p, v) = net.forward(x); (F.cross_entropy(p, y) + F.mse_loss(v, z)).backward();", "public static Tensor Act(Net net, Tensor x) { var (p, _) = net.forward(x); return p.argmax(1); }")]
    public async Task AHeadThatHasALossAndStarvesIsReported(string body, string more = "")
    {
        var code = Program(body, more);
        var prediction = GradientFlowPrediction.Predict(GraphNetwork.Of(ModelSource.Graph(code)));

        Assert.Equal(Verdict.Vanishing, prediction.Verdict);
        Assert.StartsWith("deep.", body.Contains("var (_, v)") ? "deep." : prediction.FirstWeight);
        Assert.Contains("GRAD1001", await Reports(code));
    }

    [Theory]
    [InlineData("var (p, _) = net.forward(x); F.cross_entropy(p, y).backward();")]
    [InlineData("F.cross_entropy(net.forward(x).Item1, y).backward();")]
    [InlineData("var o = net.forward(x); var loss = ce.forward(o.Item1, y); loss.backward();")]
    [InlineData("var (p, v) = net.forward(x); ce.forward(p, y).backward();")]
    public async Task AHeadThatNobodyReadsDecidesNothing(string body)
    {
        var code = Program(body);

        Assert.Equal(Verdict.Healthy, GradientFlowPrediction.Predict(GraphNetwork.Of(ModelSource.Graph(code))).Verdict);
        Assert.Empty(await Reports(code));
    }

    [Theory]
    // What becomes of it is not to be seen here, or no gradient comes back from there.
    [InlineData("var (p, v) = net.forward(x); Learn(p, v);")]
    [InlineData("var all = net.forward(x); Both(all);", "private static void Both((Tensor, Tensor) all) => Learn(all.Item1, all.Item2);")]
    [InlineData("var (p, v) = net.forward(x); Console.WriteLine(v.mean().item<float>());  (p.sum()).backward();")]
    [InlineData("var (p, v) = net.forward(x); var target = v.detach(); F.mse_loss(p.sum(1), target).backward();")]
    public async Task WhereNobodyCanTellNothingIsSaid(string body, string more = "")
    {
        var code = Program(body, more);

        Assert.Equal(Verdict.Unknown, GradientFlowPrediction.Predict(GraphNetwork.Of(ModelSource.Graph(code))).Verdict);
        Assert.Empty(await Reports(code));
    }

    [Fact]
    public async Task TwoHealthyHeadsWithLossesAreHealthy()
    {
        var code = Program("var (p, v) = net.forward(x); (F.cross_entropy(p, y) + F.mse_loss(v, z)).backward();", depth: 1);

        Assert.Equal(Verdict.Healthy, GradientFlowPrediction.Predict(GraphNetwork.Of(ModelSource.Graph(code))).Verdict);
        Assert.Empty(await Reports(code));
    }

    private static async Task<IEnumerable<string>> Reports(string code)
    {
        ImmutableArray<DiagnosticAnalyzer> rules = [.. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(FlowRule)) && !type.IsAbstract).Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!)];
        return (await ModelSource.Compile(code).WithAnalyzers(rules).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken)).Select(report => report.Id);
    }
}
