using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>What programs do around a model, and how they make its layers: further kinds that public programs showed.</summary>
public sealed class LaterKindsTests
{
    private const string Two = """
        private readonly Linear a = Linear(64, 64), b = Linear(64, 10);
        public Net() : base("net") { RegisterComponents(); }
        public override Tensor forward(Tensor x) => b.forward(a.forward(x).relu());
        """;

    private static Verdict Of(string code) => GradientFlowPrediction.Predict(GraphNetwork.Of(Graph(code))).Verdict;

    private static Verdict OfForward(string fields, string forward, string constructor = "", string parameters = "", string others = "") => Of(Net($$"""
        {{fields}}
        public Net({{parameters}}) : base("net") { {{constructor}} RegisterComponents(); }
        public override Tensor forward(Tensor x) { {{forward}} }
        """, others));

    private const string Step = "var sgd = torch.optim.SGD(net.parameters(), 0.1); var loss = net.forward(torch.randn(8, 64)).sum(); loss.backward(); sgd.step();";

    [Theory]
    // Trained first: what is loaded afterwards is for tests.
    [InlineData("var net = new Net(); " + Step + " net.save(\"a\"); net.load(\"a\");", true)]
    [InlineData("var net = new Net(); Train(net); net.load(args[0]);", true)]
    [InlineData("var net = new Net(); new Trainer(net).Run(args[0]);", true)]
    [InlineData("var net = new Net(); Train(net); Test(net, args[0]);", true)]
    // Loaded first: the training begins with what the file holds.
    [InlineData("var net = new Net(); net.load(args[0]); " + Step, false)]
    [InlineData("var net = new Net(); Test(net, args[0]); Train(net);", false)]
    [InlineData("var other = new Net(); Train(other); var net = new Net(); net.load(args[0]); Train(net);", true)]
    [InlineData("var net = new Net(); net.load(args[0]); Train(net); net.load(args[1]);", false)]
    [InlineData("var net = new Net(); net.load(args[0]); var sgd = torch.optim.SGD(net.parameters(), 0.1); torch.randn(2).sum().backward();", false)]
    public void WhatIsLoadedAfterATrainingIsNotHowItBegan(string program, bool isKnown) => Assert.Equal(isKnown ? Verdict.Healthy : Verdict.Unknown, Of($$"""
        {{Net(Two)}}
        static class Program
        {
            static void Main(string[] args) { {{program}} }
            static void Train(Net net) { {{Step}} }
            static void Test(Net net, string path) { net.load(path); net.eval(); }
        }

        class Trainer
        {
            private readonly Net net;
            public Trainer(Net net) => this.net = net;
            public void Run(string path) { Fit(); net.load(path); }
            private void Fit() { {{Step}} }
        }
        """));

    [Theory]
    [InlineData("Func<Module<Tensor, Tensor>> make = GELU;", "make()")]
    [InlineData("Func<Module<Tensor, Tensor>> make = torch.nn.SiLU;", "make()")]
    [InlineData("Func<double, bool, Module<Tensor, Tensor>> make = ELU;", "make(1.0, false)")]
    [InlineData("Module<Tensor, Tensor> Call(Func<Module<Tensor, Tensor>> make) => make();", "Call(GELU)")]
    public void AFactoryInADelegateMakesItsLayer(string declared, string made) => Assert.Equal(Verdict.Healthy, OfForward(
        "private readonly Linear a = Linear(64, 64), b = Linear(64, 10); private readonly Module<Tensor, Tensor> act;", "return b.forward(act.forward(a.forward(x)));", $"{declared} act = {made};"));

    [Theory]
    [InlineData("name switch { \"silu\" => SiLU(), \"swish\" => SiLU(), \"relu\" => ReLU(), \"gelu\" => GELU(), \"mish\" => Mish(), _ => throw new Exception() }", true)]
    [InlineData("name switch { \"a\" => SiLU(), \"b\" => ReLU(), \"c\" => GELU(), \"d\" => Mish(), \"e\" => Tanh(), _ => throw new Exception() }", false)]
    public void TwoNamesOfOneLayerAreOne(string chosen, bool isKnown) => Assert.Equal(isKnown ? Verdict.Healthy : Verdict.Unknown, OfForward(
        "private readonly Linear a = Linear(64, 64), b = Linear(64, 10); private readonly Module<Tensor, Tensor> act;", "return b.forward(act.forward(a.forward(x)));", $"act = {chosen};", "string name"));

    [Theory]
    [InlineData("kinds.Count(kind => kind == \"conv\") == 2")]
    [InlineData("kinds.Any(kind => kind == \"full\") && !kinds.All(kind => kind == \"full\")")]
    [InlineData("kinds.First(kind => kind.EndsWith(\"l\")) == \"full\" && kinds.LastOrDefault(kind => kind == \"none\") is null")]
    [InlineData("sizes.Max() == 3 && sizes.Min() == 1")]
    public void QuestionsAboutElementsAreAnswered(string question) => Assert.Equal(Verdict.Healthy, OfForward(
        "private readonly Linear? a; private readonly Linear b = Linear(64, 10);", "return b.forward(a is null ? (x > 0).sort(0).Values : a.forward(x));",
        $"var kinds = new[] {{ \"conv\", \"full\", \"conv\" }}; var sizes = new[] {{ 1, 3, 2 }}; if ({question}) a = Linear(64, 64);"));

    [Theory]
    [InlineData("var drawn = torch.randn(64, 64);")]
    [InlineData("var one = torch.randn(64); one = one.sign() * one.abs().sqrt(); var other = torch.randn(64); var drawn = (other.sign() * other.abs().sqrt()).outer(one);")]
    [InlineData("var one = torch.randn(64); var drawn = torch.outer(torch.sign(one).mul(torch.sqrt(torch.abs(one))), torch.randn(64));")]
    public void WeightsWithDrawnNoiseArePredicted(string drawn) => Assert.Equal(Verdict.Healthy, OfForward(
        "private readonly Parameter mean = Parameter(torch.empty(64, 64).uniform_(-0.125, 0.125)), deviation = Parameter(torch.full(64, 64, 0.01)); private readonly Linear a = Linear(64, 64), b = Linear(64, 10);",
        drawn + "return b.forward(F.linear(a.forward(x).relu(), mean + deviation * drawn).relu());"));

    [Theory]
    [InlineData("Tensor w; if (mask is null) w = F.softmax(s, -1); else { var masked = s + mask.unsqueeze(0); w = F.softmax(masked, -1); }")]
    [InlineData("var w = mask is null ? F.softmax(s, -1) : F.softmax(s + mask, -1);")]
    [InlineData("if (mask is not null) s = s + mask; var w = s.softmax(-1);")]
    public void ASoftmaxOnBothWaysIsAttention(string weights) => Assert.Equal(Verdict.Healthy, OfForward(
        "private readonly Linear q = Linear(64, 64), k = Linear(64, 64), v = Linear(64, 64), o = Linear(64, 10); private readonly Tensor? mask;",
        $"var s = torch.matmul(q.forward(x), k.forward(x).transpose(1, 2)) / 8; {weights} return o.forward(torch.matmul(w, v.forward(x)));", "this.mask = mask;", "Tensor? mask"));

    [Theory]
    [InlineData("int.Parse(args[0])")]
    [InlineData("Convert.ToInt32(args[0])")]
    [InlineData("Settings.Read(args[0]).Depth")]
    public void ADepthThatIsReadIsTriedWithFewAndWithMany(string depth)
    {
        var counted = Graph($$"""
            {{Net("""
            private readonly ModuleList<Linear> all = new(); private readonly Linear b = Linear(64, 10);
            public Net(int depth) : base("net") { for (var i = 0; i < depth; i++) all.Add(Linear(64, 64)); RegisterComponents(); }
            public override Tensor forward(Tensor x) { foreach (var one in all) x = x + one.forward(x).relu(); return b.forward(x); }
            """)}}
            class Settings { public int Depth { get; set; } public static Settings Read(string path) => System.Text.Json.JsonSerializer.Deserialize<Settings>(path)!; }
            static class Program { static void Main(string[] args) { var net = new Net({{depth}}); {{Step}} } }
            """).Counted;

        Assert.Equal(2, counted.Length);
        Assert.All(counted, graph => Assert.Equal(Verdict.Healthy, GradientFlowPrediction.Predict(GraphNetwork.Of(graph)).Verdict));
    }

    /// <summary>Features in one place here and in another there: no order of dimensions is taken for both.</summary>
    [Fact]
    public void AChoiceBetweenTwoOrdersOfDimensionsHasNone() => Assert.NotEqual(Verdict.Vanishing, OfForward(
        "private readonly Conv2d c = Conv2d(3, 64, 3, stride: 2, padding: 1); private readonly LayerNorm n = LayerNorm(64), m = LayerNorm(64); private readonly Linear a = Linear(64, 64); private readonly bool again;",
        "x = c.forward(x).flatten(2).permute(0, 2, 1); if (again) x = x.flatten(2).permute(0, 2, 1); x = x + a.forward(n.forward(x)); x = n.forward(x); return m.forward(x);", "this.again = again;", "bool again"));
}
